//! The command line as scripts and people meet it: the real binary, its exit codes, its standard output and standard error.
//!
//! What needs a cluster is listed below once and becomes two tests: against a sandbox that is served on loopback, and against
//! a real control plane. Without the executables of the control plane its half says so and passes;
//! `BOWLINE_REQUIRE_CONTROL_PLANE=1` makes that a failure.

#![allow(clippy::unwrap_used, clippy::panic)]

mod adjusts;
mod advice;
mod arguments;
mod connections;
mod deploys;
mod dialects;
mod doctor;
mod drifts;
mod events;
mod execs;
mod exits;
mod explains;
mod faults;
mod files;
mod forwards;
mod front;
mod histories;
mod imports;
mod listings;
mod logs;
mod manifests;
mod offline;
mod operations;
mod program;
mod proxy;
mod prunes;
mod questions;
mod requests;
mod restores;
mod routes;
mod selectors;
mod serves;
mod teardowns;
mod volumes;
mod walks;
mod world;
#[path = "../shared/writes.rs"]
mod writes;

/// Makes each case a test on each backend.
macro_rules! on_both_backends {
    ($($module:ident: $($case:ident)+;)+) => {
        on_both_backends!(@backend sandbox, Sandbox, $($module: $($case)+;)+);
        on_both_backends!(@backend control_plane, ControlPlane, $($module: $($case)+;)+);
    };
    (@backend $name:ident, $backend:ident, $($module:ident: $($case:ident)+;)+) => {
        mod $name {
            $(mod $module {
                $(#[test]
                fn $case() {
                    crate::world::run(crate::world::Backend::$backend, crate::$module::$case);
                })+
            })+
        }
    };
}

on_both_backends! {
    advice:
        a_route_that_another_instance_has_is_told_before_it_is_made
        parameters_that_go_back_to_their_defaults_are_told
        an_id_where_a_definition_is_meant_is_told_with_the_way
        retained_volumes_of_a_second_instance_are_bound_again_as_advised
        another_id_that_is_confirmed_is_named
        a_refusal_is_json_where_that_was_asked_for
        numbers_in_labels_are_compared
        a_message_that_no_revision_keeps_is_not_dropped_in_silence
        without_a_terminal_the_plan_is_shown_before_the_flag_is_named
        what_the_definition_or_the_server_says_is_nothing_that_others_added;
    adjusts:
        an_instance_is_scaled_stopped_and_started
        several_are_restarted_in_one_go
        what_is_protected_or_missing_is_not_adjusted
        what_is_refused_is_left_and_keeps_no_other_from_being_adjusted
        an_id_that_is_confirmed_is_one_that_was_named
        a_number_of_others_is_taken_left_or_refused
        one_of_several_workloads_is_named;
    deploys:
        a_definition_is_deployed_changed_and_found_unchanged
        a_dry_run_changes_nothing
        a_read_only_context_keeps_nobody_from_looking
        an_image_that_is_not_there_times_out_and_says_why
        a_field_of_another_is_refused_until_it_is_taken
        a_viewer_may_compare_and_not_deploy
        a_namespace_that_is_not_there_is_refused
        a_server_that_is_not_verified_wants_the_id
        an_interrupted_wait_ends_as_a_signal_does
        a_secret_reaches_the_cluster_and_no_output_or_file
        a_source_that_is_absent_keeps_the_value_and_is_named
        an_instance_of_another_definition_wants_the_id
        a_difference_before_an_adoption_is_that_of_the_deploy_after_it
        what_an_adoption_does_not_mend_is_told_by_a_difference
        what_others_own_is_adopted_by_its_id;
    drifts:
        what_others_changed_stays_told_while_it_is_followed
        what_others_changed_is_named_pulled_back_and_set_back
        what_others_added_is_no_difference_and_goes_once_it_is_adopted
        what_a_definition_cannot_say_is_left_with_a_reason
        manifests_are_pulled_where_they_say_it
        a_number_that_is_left_open_is_no_change_and_said_to_stay;
    histories:
        a_history_is_listed_printed_and_compared
        a_history_of_nothing_fails
        a_rollback_goes_back_with_text_and_parameters
        a_rollback_of_what_is_protected_wants_the_id
        a_pod_that_hangs_is_shown_and_goes_with_a_rollback;
    connections:
        a_server_is_reached_by_flags_environment_and_settings;
    doctor:
        a_report_tells_the_server_and_what_this_user_may_do;
    execs:
        what_cannot_be_run_is_told
        what_goes_in_and_out_passes_the_server;
    exits:
        an_instance_that_is_not_there_is_told_in_the_same_words
        a_mistake_among_several_is_told_and_the_rest_is_taken_down
        many_that_are_not_there_are_told_at_once
        what_is_adjusted_goes_on_past_what_is_not_there_where_that_is_wanted
        an_id_that_is_confirmed_is_the_one_that_is_meant
        a_secret_that_nobody_can_be_asked_for_is_wrong_usage
        a_revision_that_is_not_kept_fails_and_is_no_difference
        names_are_those_of_the_list
        every_command_that_prints_json_tells_its_refusal_in_json
        a_definition_that_is_not_in_the_catalogue_is_not_shown_as_if_it_were;
    forwards:
        what_cannot_be_forwarded_is_told
        what_goes_in_comes_out_through_the_server;
    events:
        events_are_those_of_the_instance_and_the_newest_are_last
        events_come_as_they_happen
        events_of_manifests_are_those_of_their_own_names;
    explains:
        custom_kinds_are_explained_by_their_definition;
    faults:
        a_deploy_that_fails_half_way_is_finished_by_a_second_run
        a_teardown_that_fails_half_way_is_finished_by_a_second_run
        one_that_fails_keeps_none_of_its_kind_from_being_deleted
        a_rollback_that_fails_half_way_is_finished_by_a_second_run
        of_several_one_that_fails_is_named_and_a_second_run_finishes
        what_the_server_refuses_is_named_by_its_line
        a_write_that_was_done_though_it_failed_is_not_done_twice
        every_write_is_in_the_audit_log_and_no_look_is
        a_write_that_is_in_no_audit_log_is_told
        no_secret_is_told_whatever_the_server_answers;
    imports:
        a_helm_release_becomes_an_instance
        a_set_of_another_tool_is_listed_taken_and_adopted;
    listings:
        a_list_has_what_runs_and_what_is_saved
        a_status_has_what_scripts_read
        a_status_of_nothing_fails
        a_list_streams_changes_until_it_is_interrupted
        a_status_streams_changes_until_it_is_interrupted
        protection_that_comes_and_goes_is_followed
        a_snapshot_draws_what_is_there
        a_stranger_is_told_what_is_forbidden
        who_may_not_list_everywhere_is_shown_what_is_known_and_told_so;
    logs:
        every_pod_is_heard_through_the_server;
    operations:
        a_deploy_survives_being_killed
        a_teardown_survives_being_killed
        of_five_what_a_failure_and_a_kill_left_is_finished
        the_second_is_told_who_is_at_it_and_waits_for_its_turn
        who_stands_still_is_waited_for_no_longer_than_was_said
        what_nobody_is_at_is_not_resumed;
    manifests:
        manifests_are_deployed_changed_and_taken_down
        every_fault_of_manifests_is_told_with_its_line
        manifests_are_rendered_without_a_cluster
        a_kind_that_the_cluster_does_not_serve_is_a_fault
        custom_objects_are_checked_on_the_cluster_before_anything_is_done;
    questions:
        a_question_is_answered_by_yes_alone
        a_rollback_goes_nowhere_else_than_was_agreed_to
        a_question_is_left_by_a_signal
        an_answer_becomes_the_value_that_was_asked_for_alone
        data_is_destroyed_only_by_typing_the_id
        of_several_one_can_be_left;
    prunes:
        what_has_expired_waits_for_its_turn
        what_has_expired_is_taken_down_and_its_claims_are_kept
        what_somebody_works_on_keeps_nothing_else_from_being_pruned;
    restores:
        what_was_taken_down_is_listed_and_put_back
        what_is_deployed_again_is_not_written_over
        nothing_is_deleted_without_a_copy_unless_that_is_wanted
        of_several_that_were_taken_down_one_is_chosen;
    selectors:
        a_selector_chooses_what_is_shown_and_changed
        of_several_the_one_that_is_busy_is_named;
    teardowns:
        claims_are_kept_and_found_again
        claims_are_deleted_with_their_data_when_asked
        a_fate_table_changes_nothing
        a_protected_instance_wants_its_id
        what_is_protected_is_left_and_keeps_no_other_from_being_taken_down
        everything_in_a_protected_namespace_wants_its_id
        who_cannot_be_asked_sees_what_it_would_be_about
        what_a_finalizer_holds_is_pending_and_a_second_run_ends_it
        who_is_held_keeps_none_of_the_others_waiting
        what_has_ended_is_told_though_what_hangs_is_cut_off
        an_interrupted_teardown_begins_nothing_more_and_frees_the_instance
        objects_of_others_go_along_only_where_the_id_is_repeated
        what_may_not_be_deleted_is_left_and_the_instance_with_it;
    routes:
        addresses_are_told
        routes_are_computed_again
        one_that_is_refused_keeps_no_other_from_its_route
        one_that_was_adopted_alone_keeps_no_other_from_its_route;
    volumes:
        claims_are_listed_kept_and_released
        retained_volumes_are_named_and_bound_again
        retained_volumes_are_released_with_their_data
        a_change_that_cannot_be_made_names_the_flags_that_can
        kept_claims_of_a_protected_namespace_want_the_id;
    requests:
        nothing_is_asked_for_object_by_object;
    walks:
        a_rollback_survives_being_killed
        a_growth_survives_being_killed
        a_workload_that_is_made_anew_survives_being_killed
        volumes_that_are_bound_again_survive_being_killed
        a_restore_survives_being_killed
        a_scale_survives_being_killed
        a_change_of_routes_survives_being_killed
        an_adoption_survives_being_killed;
}
