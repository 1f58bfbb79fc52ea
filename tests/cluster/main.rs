//! What the program relies on in a cluster, as one suite that runs against two backends and asserts the same of both: the
//! sandbox, and a real control plane. Where they differ, the sandbox is wrong.
//!
//! A case is an `async fn(Cluster)`; it gets a namespace of its own, an administrator's client, a viewer's, and one of
//! somebody without any role. It is listed below once and becomes two tests, `sandbox::…` and `control_plane::…`.
//!
//! Without the executables of the control plane its half says so and passes; `BOWLINE_REQUIRE_CONTROL_PLANE=1` makes that
//! a failure.

#![allow(clippy::unwrap_used, clippy::panic)]

mod access;
mod adopt;
mod apply;
mod backend;
mod batch;
mod canonical;
mod claims;
mod classes;
mod cluster;
mod delete;
mod drift;
mod elsewhere;
mod engine;
mod faults;
mod history;
mod live;
mod manifests;
mod objects;
mod operations;
mod patch;
mod preview;
mod quotas;
mod refusals;
mod routes;
mod scaling;
mod schemas;
mod secrets;
mod sets;
mod usage;
mod volumes;
mod watch;
mod workloads;

/// Makes each case a test on each backend: on the cluster that all share, or on one of its own by `alone`.
macro_rules! on_both_backends {
    ($($module:ident: $($case:ident)+;)+) => {
        on_both_backends!(@backend sandbox, Sandbox, run, $($module: $($case)+;)+);
        on_both_backends!(@backend control_plane, ControlPlane, run, $($module: $($case)+;)+);
    };
    (alone $($module:ident: $($case:ident)+;)+) => {
        mod alone {
            on_both_backends!(@backend sandbox, Sandbox, run_alone, $($module: $($case)+;)+);
            on_both_backends!(@backend control_plane, ControlPlane, run_alone, $($module: $($case)+;)+);
        }
    };
    (@backend $name:ident, $backend:ident, $run:ident, $($module:ident: $($case:ident)+;)+) => {
        mod $name {
            $(mod $module {
                $(#[test]
                fn $case() {
                    crate::backend::$run(crate::backend::Backend::$backend, crate::$module::$case);
                })+
            })+
        }
    };
}

on_both_backends! {
    access:
        a_stranger_is_forbidden_to_look
        a_viewer_may_not_even_rehearse_a_write
        a_viewer_may_not_read_what_belongs_to_the_cluster
        access_reviews_answer_for_the_one_who_asks
        rules_reviews_list_what_is_allowed;
    apply:
        a_manager_for_each_instance_protects_it_from_the_others
        one_manager_for_all_would_take_the_object_over
        what_a_manager_leaves_out_is_removed
        a_stale_resource_version_conflicts_even_if_nothing_changes
        a_resource_version_does_not_keep_a_deleted_object_dead
        a_uid_keeps_a_deleted_object_dead
        a_uid_refuses_an_object_that_was_made_again
        a_conflict_names_the_field_and_its_manager
        a_conflict_over_a_scaled_workload_names_the_subresource
        our_own_scaling_conflicts_with_ourselves
        force_takes_fields_but_leaves_what_others_added
        equal_values_are_owned_together
        fields_of_client_side_apply_stay_until_their_ownership_is_migrated
        an_unknown_field_is_a_server_error_that_means_invalid
        a_field_of_the_wrong_type_is_a_server_error_that_means_invalid
        a_duplicate_list_key_is_a_server_error_that_means_invalid
        what_admission_adds_is_nobodys
        applying_the_same_again_changes_nothing
        applying_to_a_terminating_object_is_accepted_and_lost
        a_secret_loses_keys_that_are_left_out_but_never_those_of_string_data
        a_dry_run_stores_nothing;
    canonical:
        quantities_have_one_form
        a_quantity_that_is_written_otherwise_conflicts
        what_is_no_quantity_is_refused
        a_node_port_goes_with_the_type_that_has_it
        bytes_are_base64;
    schemas:
        a_custom_kind_is_checked_by_the_clusters_schema
        a_kind_without_a_document_has_no_schema
        a_custom_kind_is_served_in_all_its_versions
        built_in_schemas_are_the_servers_own
        objects_are_printed_with_the_columns_of_their_kind;
    sets:
        sets_of_any_tool_are_listed_with_their_members
        a_set_of_another_tool_becomes_manifests
        a_job_is_taken_without_what_its_server_gave_it
        a_kind_of_a_set_that_is_gone_is_said_and_the_rest_taken
        a_parent_may_be_of_a_custom_kind
        what_kubectl_keeps_for_itself_is_no_difference
        a_parent_of_the_cluster_is_listed_where_its_members_are
        a_refusal_names_the_parent_of_the_set_that_has_an_object
        what_others_make_and_secrets_are_left_with_a_reason;
    patch:
        a_merge_patch_with_a_stale_resource_version_conflicts
        a_merge_patch_of_a_missing_object_creates_nothing
        a_patched_annotation_survives_a_later_apply
        of_two_claims_with_one_resource_version_one_wins
        a_json_patch_whose_test_fails_changes_nothing;
    preview:
        a_text_is_rehearsed_and_nothing_is_written
        routes_of_others_are_looked_for_in_the_plan_and_not_before
        a_field_of_others_is_told_at_its_line_with_who_set_it_to_what
        what_can_never_be_changed_is_told_at_its_line_with_the_options
        secrets_are_neither_read_nor_missed
        who_may_only_look_sees_what_is_computed_here;
    quotas:
        what_is_more_than_a_quota_is_refused_with_how_much
        what_is_used_follows_what_comes_grows_and_goes
        a_quota_of_what_there_is_not_is_refused
        pods_that_a_quota_keeps_away_are_told_and_come_when_it_is_raised
        what_a_quota_wants_to_be_stated_is_told
        a_claim_of_a_set_that_a_quota_refuses_is_told
        a_deploy_that_meets_a_quota_half_way_is_finished_when_it_is_raised
        what_a_quota_has_no_room_for_is_told_in_the_plan;
    refusals:
        a_rehearsal_in_a_missing_namespace_finds_no_namespace
        a_kind_that_is_not_served_is_a_text_not_a_status
        a_stateful_sets_frozen_fields_are_refused_under_spec_alone
        a_selector_can_never_change
        a_selector_must_match_its_template
        what_pods_may_not_say_is_refused
        how_a_deployment_may_not_roll_is_refused
        bounds_that_exclude_each_other_are_refused
        a_cluster_ip_can_never_change
        a_claim_never_shrinks_nor_grows_without_its_classs_leave
        a_terminating_namespace_forbids_with_its_own_cause
        a_config_map_ends_at_one_mebibyte
        a_body_ends_at_three_mebibytes
        annotations_end_at_256_kibibytes
        a_label_value_is_no_sentence
        a_version_is_a_number
        that_a_name_is_taken_is_known_last
        several_ports_need_names
        a_cluster_ip_service_needs_a_port
        an_ingress_host_is_a_plain_lowercase_name
        an_immutable_config_map_stays_as_it_is;
    delete:
        a_wrong_uid_deletes_nothing
        a_missing_object_is_not_found
        foreground_deletion_ends_with_the_workload
        background_deletion_collects_what_is_owned
        a_finalizer_holds_an_object
        a_records_revisions_go_with_it;
    classes:
        a_class_that_is_not_there_is_told_in_the_plan
        a_class_that_comes_along_or_may_not_be_listed_is_not_missed
        a_pod_of_a_class_that_is_not_there_is_refused;
    claims:
        claims_from_templates_bind_and_carry_the_templates_labels_only
        claims_of_a_set_that_deletes_them_are_owned_until_it_retains_them
        a_claim_in_use_stays_until_its_pod_is_gone
        a_kept_claim_is_bound_again_as_it_was
        a_deleted_claim_takes_its_volume_along
        a_retained_volume_is_bound_again_once_it_is_released
        a_claim_of_an_unknown_class_stays_pending_and_an_event_says_why;
    engine:
        a_deploy_makes_a_ready_instance
        a_protection_that_was_lifted_is_lifted_for_teardowns_too
        an_unchanged_deploy_writes_nothing
        a_change_of_layout_alone_becomes_a_revision
        an_update_changes_what_differs_and_prunes_what_left
        a_claim_that_leaves_is_kept_and_used_again
        a_wait_in_vain_says_why
        a_teardown_that_keeps_volumes_leaves_the_claims_alone
        a_teardown_that_deletes_volumes_destroys_the_data
        claims_that_would_go_with_their_set_are_freed_before_it_goes
        claims_of_a_set_that_goes_with_its_owner_are_freed_before_it_goes
        nothing_is_deleted_where_a_kept_claim_would_go_with_it
        pods_go_with_the_cron_job_behind_their_job
        an_interrupted_teardown_is_finished_by_a_second_run
        an_interrupted_deploy_is_taken_over_and_finished
        an_operation_that_beats_is_left_alone
        an_operation_that_was_taken_over_stops_its_holder
        a_conflict_is_shown_and_taken_only_as_shown
        a_value_that_was_changed_after_it_was_shown_is_not_taken
        what_was_made_again_since_its_conflict_was_shown_is_not_taken
        what_is_taken_between_the_look_and_the_write_is_not_taken_back
        a_change_that_goes_with_its_object_is_not_told_to_be_done
        a_deletion_that_is_refused_keeps_no_other_from_being_tried
        a_viewer_sees_the_difference_and_may_not_run_it
        a_stranger_is_told_what_is_forbidden
        what_may_not_be_read_is_named_with_all_that_is_missing_besides
        what_another_owner_marked_since_names_the_way_back
        names_of_others_are_refused_before_anything_is_written
        a_missing_namespace_is_said
        a_field_that_can_never_change_is_refused_beforehand
        a_late_write_does_not_bring_back_what_was_deleted
        what_was_created_meanwhile_is_not_taken_over
        a_write_without_an_answer_is_looked_for_and_not_sent_again
        a_stranger_behind_a_write_without_an_answer_is_not_taken_over
        a_claim_without_an_answer_is_looked_for
        a_change_of_the_record_without_an_answer_is_looked_for
        a_record_being_deleted_is_waited_for
        a_refused_write_stops_only_what_needs_it
        nothing_is_applied_without_its_revision
        the_last_ten_revisions_are_kept
        a_finalizer_that_holds_is_named_and_the_second_run_finishes
        a_teardown_leaves_what_only_bears_the_labels
        what_others_change_meanwhile_is_no_part_of_the_plan
        an_object_being_deleted_is_waited_for
        a_deployment_that_becomes_a_stateful_set_is_replaced
        a_teardown_of_what_was_deployed_again_meanwhile_is_not_begun
        a_workload_that_holds_is_named_once
        a_kind_that_may_not_be_listed_is_left_to_others
        fields_of_others_are_left_to_them_where_that_is_wanted;
    faults:
        what_is_run_is_what_was_shown
        a_definition_for_another_cluster_is_refused
        a_namespace_that_goes_and_comes_again_is_followed;
    history:
        revisions_tell_who_when_and_why_and_keep_the_text_to_the_byte
        two_revisions_are_compared_line_by_line
        a_damaged_revision_is_named_and_hides_no_other
        what_was_never_deployed_has_no_history
        a_rollback_is_a_new_revision_of_the_old_text
        a_rollback_after_an_interrupted_deploy_goes_to_what_was_there_before
        a_rollback_that_was_left_half_done_goes_where_it_was_going_when_it_is_given_again
        a_rollback_goes_to_no_revision_that_was_never_finished
        who_finishes_what_was_left_half_done_is_told_with_why
        an_unchanged_deploy_takes_a_note_away_and_makes_no_revision
        a_rollback_that_leaves_all_to_others_makes_no_revision
        a_rollback_tells_that_values_of_secrets_stay
        a_rollback_keeps_the_values_that_the_cluster_has
        what_is_protected_is_not_rolled_back_by_habit
        a_rollback_frees_the_pods_that_hang
        a_rollback_frees_the_pods_of_every_set
        a_pod_that_hangs_is_freed_though_nothing_else_is_left_to_do
        a_rollback_that_is_cut_off_is_finished_by_a_second_one
        what_cannot_be_gone_back_to_is_said_before_anything_is_written
        what_was_taken_down_is_put_back_with_its_claims
        what_was_scaled_and_taken_down_has_its_number_again
        what_was_scaled_is_put_back_with_the_volumes_of_all_its_replicas
        the_claims_of_all_replicas_that_are_put_back_are_looked_at
        what_was_taken_down_is_put_back_with_retained_volumes
        data_that_was_deleted_is_said_not_to_come_back
        what_was_deployed_since_is_not_written_over
        what_never_came_to_its_end_leaves_nothing_to_put_back
        what_was_only_adopted_is_put_back_as_it_was
        what_was_only_adopted_goes_without_a_copy_only_where_that_is_wanted
        a_teardown_that_was_cut_off_is_put_back_whole;
    adopt:
        what_others_made_is_refused_until_it_is_adopted
        fields_that_an_editor_added_go_after_adoption
        an_object_that_changed_hands_meanwhile_is_left_alone
        what_another_instance_or_controller_has_is_not_adopted
        who_may_not_write_is_told_before
        what_is_owned_together_becomes_the_instances_alone
        what_left_the_definition_and_others_own_stays_as_is_said
        pods_that_the_next_deploy_replaces_are_said
        a_workload_that_selects_by_other_labels_is_said_to_be_made_anew
        a_claim_that_a_set_would_take_is_adopted_with_its_data
        claims_that_belong_to_their_set_are_adopted_with_it
        a_set_with_claim_templates_is_deployed_after_adoption_and_never_made_anew
        claims_without_labels_outlive_a_set_that_would_take_them;
    secrets:
        values_reach_the_secrets_and_nothing_else
        a_rotated_value_rolls_the_pods_and_an_absent_one_stays
        a_value_that_is_nowhere_is_refused
        a_value_that_somebody_rotates_meanwhile_is_not_undone
        a_secret_that_leaves_the_definition_is_pruned
        who_may_not_read_secrets_is_told_and_changes_none;
    manifests:
        a_kind_and_its_objects_come_and_go_together
        events_about_objects_with_names_of_their_own_are_watched
        workloads_stay_while_objects_are_held_that_they_may_have_to_let_go_of
        objects_of_others_that_go_with_their_kind_are_counted
        what_is_made_anew_is_compared_with_what_will_be_there
        what_is_made_anew_is_made_however_little_time_is_given
        what_left_the_text_is_pruned_and_a_list_is_unfolded
        another_namespace_is_refused_unless_it_is_allowed
        cluster_scope_is_refused_unless_it_is_allowed
        a_teardown_that_leaves_what_it_may_not_delete_stays_noted
        a_teardown_that_is_denied_again_stays_noted
        a_kind_that_is_not_served_is_named_with_its_line
        claims_of_any_set_are_kept_and_bound_again
        pods_that_a_partition_holds_back_are_not_awaited
        custom_objects_are_checked_by_the_schema_of_their_definition
        a_misspelt_field_is_refused_by_the_server_too
        schemas_that_cannot_be_read_leave_the_built_in_ones;
    live:
        a_number_that_is_open_belongs_to_scale_and_a_deploy_keeps_it
        a_number_that_is_set_shows_in_the_next_plan_and_changes_nothing_else
        a_definition_that_begins_to_set_the_number_takes_it_from_scale
        an_instance_without_replicas_is_stopped
        a_restart_replaces_the_pods_and_a_deploy_keeps_it
        a_deploy_that_runs_is_not_disturbed
        what_is_not_of_the_instance_is_not_adjusted
        what_was_changed_after_the_plan_is_not_overwritten
        an_adjustment_without_an_answer_is_looked_for
        claims_of_others_stop_a_set_from_growing
        replicas_do_not_share_what_one_node_mounts
        a_viewer_may_not_adjust
        selectors_choose_by_the_labels_of_the_definition
        a_label_that_leaves_the_definition_chooses_no_longer
        an_instance_expires_counted_from_its_first_apply
        one_definition_runs_several_times_and_a_free_id_is_offered;
    elsewhere:
        what_is_in_another_namespace_tells_how_an_instance_is_doing
        pods_in_another_namespace_are_reached_by_both_names
        what_others_change_in_another_namespace_is_named
        what_another_instance_of_the_same_id_has_there_is_not_its_own
        a_teardown_takes_no_claims_of_another_instance_of_the_same_id
        a_protected_namespace_of_a_member_protects_its_teardown
        a_protected_namespace_of_a_member_protects_its_rollback
        what_others_have_in_a_namespace_that_goes_is_counted_and_guarded
        a_namespace_stays_while_claims_that_are_kept_are_in_it
        claims_that_are_kept_outlast_every_teardown_that_keeps_them;
    scaling:
        a_number_that_others_set_is_taken_only_where_that_is_wanted
        a_number_that_others_set_too_is_taken_only_where_that_is_wanted
        a_number_that_somebody_sets_meanwhile_is_not_taken
        an_autoscaler_is_named
        a_copy_that_bears_the_labels_is_named_and_left
        a_number_that_was_set_outlives_a_change_of_kind
        one_of_several_workloads_is_scaled_as_it_is_named
        workloads_in_other_namespaces_are_scaled_where_that_is_allowed
        claims_that_go_with_their_pods_are_told_before
        claims_to_come_are_counted_from_the_first_ordinal;
    routes:
        each_way_in_is_an_address
        all_routes_come_in_one_list_of_each_kind
        another_host_of_the_settings_reaches_every_route
        a_lost_route_is_made_again_and_a_dangling_one_removed
        a_route_goes_only_while_it_leads_nowhere
        who_works_on_an_instance_keeps_its_routes_alone
        what_others_own_of_a_route_is_taken_only_where_that_is_wanted
        a_route_without_an_answer_is_looked_for
        a_viewer_is_shown_what_would_become_of_routes
        a_change_of_routes_that_was_cut_off_is_done_by_the_next;
    usage:
        usage_is_told_by_pod_where_anybody_measures
        nodes_are_told_with_what_is_asked_for_to_who_may_see_them
        rights_to_pods_are_told_before_they_are_needed;
    volumes:
        volumes_that_are_retained_outlive_their_claims
        a_retaining_teardown_that_was_cut_off_is_finished_by_a_second_run
        who_may_not_change_volumes_is_told_before_anything_is_deleted
        a_volume_that_is_not_the_claims_is_not_retained
        claims_are_listed_with_their_users_and_kept_ones_among_them
        only_kept_claims_are_released
        a_claim_that_is_a_part_of_what_runs_is_not_released
        a_kept_claim_that_somebodys_pod_uses_is_not_released
        a_release_is_not_told_to_be_done_where_a_claim_is_used_meanwhile
        a_claim_that_was_made_again_meanwhile_is_not_released
        retained_volumes_are_offered_and_bound_again
        of_two_volumes_of_a_claim_one_that_fits_is_bound
        volumes_of_replicas_that_are_not_there_are_told
        a_retained_volume_is_released_with_its_data
        a_retained_volume_is_given_up_without_its_data
        only_the_retained_volumes_that_are_named_are_released
        a_volume_that_a_claim_has_again_is_not_released
        a_volume_that_only_bears_the_labels_is_not_released
        claims_are_not_deleted_while_a_pod_that_has_them_does_not_go
        nothing_is_deleted_where_a_claim_cannot_be_kept
        a_volume_that_cannot_be_freed_ends_the_wait_and_says_why
        what_is_said_of_a_volume_that_is_not_freed_is_told
        a_bound_again_volume_survives_a_deploy_that_is_cut_off
        claims_and_their_template_grow_together_while_the_pods_go_on
        what_grows_keeps_the_number_that_was_set
        a_growth_that_is_cut_off_is_finished_by_a_second_run
        claims_of_a_class_that_does_not_allow_it_never_grow
        claims_never_shrink_and_a_rollback_says_so
        what_can_never_change_is_made_anew_with_its_claims
        a_set_that_leaves_the_definition_leaves_its_claims_behind
        what_could_not_be_made_again_is_not_deleted
        a_claim_that_waits_says_why_in_words
        a_claim_that_waits_for_a_pod_says_so
        a_volume_that_no_node_is_near_is_told_with_what_to_do
        our_labels_on_what_belongs_to_the_cluster_delete_nothing
        a_claim_that_somebodys_pod_holds_is_pending_and_named
        a_claim_is_held_by_a_pod_that_has_ended_and_by_none_without_a_node
        one_id_in_two_namespaces_is_two_instances
        claims_that_a_change_of_kind_leaves_are_named_and_kept
        what_claims_keep_is_said_and_stays_in_sight
        a_template_that_no_claim_followed_takes_its_old_size_again
        claims_that_stayed_small_grow_once_that_is_agreed_to
        a_size_is_the_same_however_the_server_writes_it
        what_grows_is_ready_once_it_has_grown;
    operations:
        a_first_deploy_survives_at_every_write
        an_update_survives_at_every_write
        a_rollback_survives_at_every_write
        a_teardown_that_keeps_claims_survives_at_every_write
        a_teardown_that_deletes_claims_survives_at_every_write
        a_teardown_that_retains_volumes_survives_at_every_write
        a_growth_survives_at_every_write
        a_workload_that_is_made_anew_survives_at_every_write
        volumes_that_are_bound_again_survive_at_every_write
        a_restore_survives_at_every_write
        a_release_of_kept_claims_survives_at_every_write
        a_release_of_retained_volumes_survives_at_every_write
        a_release_of_one_retained_volume_survives_at_every_write
        a_release_of_what_was_taken_down_is_finished_by_a_second_run
        fields_that_are_taken_survive_at_every_write
        a_scale_survives_at_every_write
        a_restart_survives_at_every_write
        a_change_of_routes_survives_at_every_write
        an_adoption_survives_at_every_write
        an_adoption_of_what_was_edited_survives_at_every_write
        only_what_was_shown_is_handed_over_by_who_goes_on
        an_adoption_does_not_write_over_what_a_deploy_left
        an_adoption_that_nothing_came_of_leaves_no_record
        a_deploy_goes_on_with_what_was_agreed_to
        only_fields_that_were_shown_are_taken_by_who_goes_on
        a_teardown_goes_on_with_the_choice_that_was_made
        values_that_are_nowhere_keep_a_deploy_from_being_resumed
        what_is_not_under_way_is_not_resumed
        who_stood_still_writes_nothing_over_who_took_over
        who_was_taken_over_stops_and_the_second_comes_to_the_end
        who_takes_over_while_a_beat_is_awaited_begins_at_once
        the_second_is_told_who_is_at_it_and_gets_its_turn
        a_wait_for_ones_turn_is_bounded
        what_was_taken_down_since_is_not_deployed_by_an_older_plan
        a_plan_that_another_deploy_overtook_is_not_carried_out
        who_has_no_time_looks_once
        a_teardown_leaves_what_was_begun_after_its_plan
        nobody_waits_for_an_instance_that_is_not_there
        a_deploy_stops_between_two_steps_and_the_same_again_finishes_it
        a_teardown_stops_between_two_steps_and_the_same_again_finishes_it;
    drift:
        an_overview_tells_what_was_changed_until_it_is_set_back
        what_others_changed_is_a_text_that_can_be_merged
        a_field_that_was_only_removed_shows_too
        a_scale_and_a_restart_are_no_change_where_they_may_be
        a_workload_that_somebody_deleted_is_a_change
        a_number_that_leaves_the_definition_stays_as_it_is
        a_handover_that_is_cut_off_is_finished
        what_others_set_to_the_wanted_value_becomes_ours
        changes_are_named_with_field_value_and_manager
        a_value_of_a_secret_is_never_named
        who_may_only_look_sees_what_may_be_compared
        what_controllers_make_of_an_object_is_no_change
        a_pull_of_config_says_that_its_deploy_replaces_pods;
    watch:
        a_watch_from_too_long_ago_ends_with_an_expired_event
        a_streaming_list_ends_with_a_bookmark
        a_watch_continues_where_a_list_ended
        an_object_that_leaves_the_selector_is_deleted_to_the_watcher
        a_list_comes_in_pages
        the_pages_of_a_list_are_of_one_moment
        a_table_without_objects_has_the_columns_of_a_list
        a_table_watch_has_columns_in_its_first_event_only;
    batch:
        a_job_counts_its_runs_and_is_complete
        a_job_that_takes_too_long_fails_and_says_why
        a_suspended_job_waits_and_what_is_deleted_is_gone
        pods_that_never_end_and_schedules_that_are_none_are_refused
        a_daemon_set_has_a_pod_on_each_node_and_replaces_them
        a_cron_job_makes_jobs_keeps_the_last_and_stops_when_suspended
        instances_of_jobs_and_daemons_are_counted_and_judged;
    workloads:
        a_deployment_becomes_ready
        a_stateful_set_starts_its_pods_in_order
        a_missing_image_backs_off
        a_crashing_container_is_restarted
        a_slow_container_becomes_ready_later
        a_pod_that_fits_nowhere_is_unschedulable
        a_rollout_without_progress_says_so
        a_new_image_replaces_the_pods
        a_deployment_scaled_to_nothing_has_no_pods
        a_stateful_set_stays_stuck_on_a_broken_revision
        a_service_finds_the_ready_pods;
}

on_both_backends! {
    alone classes:
        a_claim_without_a_class_waits_where_no_class_is_the_default;
}
