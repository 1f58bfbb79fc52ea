//! Snapshots of the screens.

mod hostile;
mod plans;
mod texts;
mod views;

use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::{ColorLevel, Theme, ThemeSettings, draw_buffer, picture};
use crate::app::stage::{self, Stage};
use crate::app::{Model, Msg, OpenedDefinition, Place, SPECS, SaveAnswer};
use crate::catalogue::Digest;
use crate::definition::diagnostic::{Diagnostic, Position, Severity, Span};
use crate::engine::plan::VolumeChoice;
use crate::engine::preview::{Against, Preview};
use crate::engine::progress::{Outcome, Progress, Step};
use crate::failure::{Failure, FailureKind};
use crate::service::operation::ABANDONED_AFTER;
use crate::service::watch::{LinkState, Scope, Topic, WatchEvent};

const SMALL: (u16, u16) = (80, 24);
const LARGE: (u16, u16) = (160, 50);

fn draw(model: &Model, size: (u16, u16)) -> String {
    picture::to_text(&picture::draw_alone(model, size, &Theme::default()))
}

/// Draws a stage at both sizes and compares with what was seen before.
fn check(name: &str, stage: &mut Stage) {
    stage.model.settle();
    for size in [SMALL, LARGE] {
        stage.model.size = size;
        // Scrolling follows the size that was drawn, as it does in the loop.
        let mut buf = Buffer::empty(Rect::new(0, 0, size.0, size.1));
        let area = buf.area;
        let (geometry, _) = draw_buffer(&mut buf, area, &stage.model, &Theme::default());
        stage.model.set_geometry(geometry);
        insta::assert_snapshot!(
            format!("{name}_{}x{}", size.0, size.1),
            draw(&stage.model, size)
        );
    }
}

fn services() -> Stage {
    let mut stage = Stage::with_services();
    stage.rest();
    stage
}

#[test]
fn services_list_with_the_detail_of_the_selected_one() {
    check("services", &mut services());
}

#[test]
fn server_that_is_not_verified_is_marked_for_as_long_as_it_is_shown() {
    let mut stage = services();
    let mark = "TLS not verified";
    for size in [SMALL, LARGE] {
        assert!(!draw(&stage.model, size).contains(mark));
    }
    stage.model.session.is_insecure = true;
    for keys in ["j", "n", "esc", "?", "esc", "x"] {
        stage.press(keys);
        for size in [SMALL, LARGE] {
            let picture = draw(&stage.model, size);
            assert!(
                picture.lines().next().unwrap().contains(mark),
                "{keys}: {picture}"
            );
        }
    }
}

#[test]
fn each_tab_of_the_detail() {
    for (keys, name) in [
        ("2", "volumes"),
        ("3", "events"),
        ("5", "objects"),
        ("enter", "pods_alone"),
    ] {
        let mut stage = services();
        stage.press("j j j").rest();
        stage.press(keys);
        check(&format!("detail_{name}"), &mut stage);
    }
}

/// What is about the row that is selected is told first, at the least size, too.
#[test]
fn each_tab_of_the_detail_tells_the_keys_of_its_rows() {
    for (tab, keys) in [
        ("1", "s shell  L its log  v events  f forward"),
        ("2", "v events  y copy"),
        ("3", "v go to it  y copy"),
        ("5", "space fold  v events  L its log  y copy"),
        ("6", "e edit  D difference  y copy"),
    ] {
        let mut stage = services();
        stage.press("j j j").rest();
        stage.press(tab).press("tab");
        assert_eq!(stage.model.place(), Place::Detail);
        let picture = draw(&stage.model, SMALL);
        let last = picture.lines().last().unwrap_or_default().trim();
        assert!(last.starts_with(keys), "{tab}: {last}");
        assert!(last.ends_with("? help  esc back"), "{tab}: {last}");
    }
}

#[test]
fn definition_tab_shows_the_text() {
    let mut stage = services();
    stage.press("6");
    let text = "# Billing\ncontainers:\n  - name: main\n    image: billing:oops\n".to_owned();
    stage.send(Msg::DefinitionShown {
        name: "billing".parse().unwrap(),
        result: Ok(text),
    });
    check("detail_definition", &mut stage);
}

#[test]
fn long_lines_of_a_definition_are_read_to_their_end() {
    let mut stage = services();
    stage.press("6");
    stage.send(Msg::DefinitionShown {
        name: "billing".parse().unwrap(),
        result: Ok(format!("# begin {} end\n", "x".repeat(100))),
    });
    stage.press("tab");
    let draw_as_the_loop = |stage: &mut Stage| {
        stage.model.size = SMALL;
        let mut buf = Buffer::empty(Rect::new(0, 0, SMALL.0, SMALL.1));
        let area = buf.area;
        let (geometry, _) = draw_buffer(&mut buf, area, &stage.model, &Theme::default());
        stage.model.set_geometry(geometry);
        draw(&stage.model, SMALL)
    };
    let picture = draw_as_the_loop(&mut stage);
    assert!(picture.contains("# begin") && !picture.contains("x end"));
    // Further than its end it does not go.
    for _ in 0..9 {
        stage.press("right");
        assert_eq!(stage.told(), None);
    }
    let picture = draw_as_the_loop(&mut stage);
    assert!(
        picture.contains("x end") && picture.contains("xxxxx"),
        "{picture}"
    );
    for _ in 0..9 {
        stage.press("left");
    }
    assert!(draw_as_the_loop(&mut stage).contains("# begin"));
}

#[test]
fn lost_connection_says_so_and_keeps_the_rows() {
    let mut stage = services();
    let failure = Failure::new(
        FailureKind::Unreachable,
        "cannot reach https://10.0.0.1:6443: connection refused",
    );
    let state = LinkState::Retrying {
        failure,
        next_attempt_in: Duration::from_secs(4),
        data_age: Some(Duration::from_secs(12)),
    };
    stage.overview(vec![WatchEvent::Link {
        topic: Topic::Records,
        state,
    }]);
    check("disconnected", &mut stage);
}

#[test]
fn namespaces_that_may_not_be_seen_together_say_what_to_do() {
    let mut stage = Stage::empty();
    stage.connected();
    stage.model.session.scope = Some(Scope::All);
    let failure = Failure::new(FailureKind::Forbidden, "configmaps is forbidden");
    stage.overview(vec![WatchEvent::Link {
        topic: Topic::Records,
        state: LinkState::Forbidden(failure),
    }]);
    for size in [SMALL, LARGE] {
        let picture = draw(&stage.model, size);
        let sentence = "no permission to watch records in all namespaces: choose one";
        assert!(picture.contains(sentence), "{picture}");
    }
}

#[test]
fn kubeconfig_that_cannot_be_used_is_named() {
    let mut stage = Stage::empty();
    stage.catalogue(&["web"]);
    let failure = Failure::new(
        FailureKind::Invalid,
        "~/.kube/config: no context named \"prod\"",
    );
    let epoch = stage.epoch();
    stage.send(Msg::ConnectFailed { epoch, failure });
    check("offline", &mut stage);
}

#[test]
fn fate_of_several_says_what_is_below() {
    let mut stage = services();
    stage.press("space space x");
    for id in ["billing", "ml-resnet"] {
        let mut plan = stage::teardown_plan(id, VolumeChoice::Delete);
        for n in 0..8 {
            let mut row = plan.rows[0].clone();
            row.key.name = format!("{id}-{n}");
            plan.rows.push(row);
        }
        let Some(crate::app::Screen::Teardown(pane)) = stage.model.screens.last() else {
            panic!("no fate table");
        };
        let (op, key) = (pane.op, plan.instance.clone());
        let result = Ok(Box::new(plan));
        stage.send(Msg::TeardownPlanned { op, key, result });
    }
    check("fate_of_two", &mut stage);
}

/// Where instances of several namespaces are shown, each says which it is of, however narrow the screen.
#[test]
fn all_namespaces_are_told_apart() {
    let mut stage = Stage::with_services();
    stage.press("N").type_text("all n");
    stage.press("enter");
    stage.overview(stage::overview());
    check("all_namespaces", &mut stage);
    assert!(draw(&stage.model, SMALL).contains("team-a"));
}

#[test]
fn long_trouble_is_told_whole() {
    let mut stage = services();
    let failure = Failure::new(
        FailureKind::Invalid,
        "the credential plugin /usr/local/bin/gke-gcloud-auth-plugin of user \"ann\" failed: token is over",
    );
    let epoch = stage.epoch();
    stage.send(Msg::ConnectFailed { epoch, failure });
    stage.model.settle();
    let text = draw(&stage.model, SMALL);
    assert!(text.contains("failed: token is over"), "{text}");
}

#[test]
fn plan_under_review() {
    let mut stage = services();
    stage.press("G a");
    let op = match stage.model.screens.last() {
        Some(crate::app::Screen::Review(pane)) => pane.op,
        other => panic!("{other:?}"),
    };
    stage.send(Msg::DeployPlanned {
        op,
        result: Ok(Box::new(stage::deploy_plan("web").into())),
    });
    check("review", &mut stage);
    stage.press("enter");
    check("review_confirmation", &mut stage);
}

#[test]
fn progress_of_a_deploy() {
    let mut stage = services();
    stage.press("G a");
    let op = match stage.model.screens.last() {
        Some(crate::app::Screen::Review(pane)) => pane.op,
        other => panic!("{other:?}"),
    };
    stage.send(Msg::DeployPlanned {
        op,
        result: Ok(Box::new(stage::deploy_plan("web").into())),
    });
    stage.press("enter enter");
    let op = *stage.model.operations.keys().next().unwrap();
    let apply = Step::Apply(stage::object("Deployment", "web"));
    let refused = Failure::new(
        FailureKind::Forbidden,
        "ingresses is forbidden for user \"ann\"",
    );
    for progress in [
        Progress::Started(Step::Claim),
        Progress::Done(Step::Claim, None),
        Progress::Started(apply.clone()),
        Progress::Done(apply, Some("updated".to_owned())),
        Progress::Failed(
            Step::Delete(stage::object("Ingress", "web")),
            refused.clone(),
        ),
        Progress::NotTried(Step::Record, "an object was not deleted".to_owned()),
        Progress::Started(Step::Ready),
        Progress::Waiting("2 of 3 pods are ready".to_owned()),
    ] {
        stage.send(Msg::Progressed { op, progress });
    }
    check("progress", &mut stage);
    let outcome = Outcome {
        done: vec![Step::Claim],
        failed: vec![(Step::Delete(stage::object("Ingress", "web")), refused)],
        ..Outcome::default()
    };
    stage.send(Msg::Finished { op, outcome });
    check("progress_ended", &mut stage);
}

#[test]
fn long_reasons_of_progress_are_told_whole() {
    let mut stage = services();
    stage.press("G a");
    let op = match stage.model.screens.last() {
        Some(crate::app::Screen::Review(pane)) => pane.op,
        other => panic!("{other:?}"),
    };
    let result = Ok(Box::new(stage::deploy_plan("web").into()));
    stage.send(Msg::DeployPlanned { op, result });
    stage.press("enter enter");
    let op = *stage.model.operations.keys().next().unwrap();
    let reason = "admission webhook \"quota.example.com\" denied the request: the team has used up what it may \
                  ask for this month, 40 processors of 40; ask platform@example.com for more";
    let step = Step::Apply(stage::object("Deployment", "web"));
    let waiting = "0 of 3 pods are ready: web-5d8f9c7b6d-x2x4z is not scheduled, as no node of three has the \
                   memory that it asks for";
    for progress in [
        Progress::Failed(step, Failure::new(FailureKind::Forbidden, reason)),
        Progress::Waiting(waiting.to_owned()),
    ] {
        stage.send(Msg::Progressed { op, progress });
    }
    let picture = draw(&stage.model, SMALL);
    let words: Vec<_> = picture
        .split([' ', '│', '\n'])
        .filter(|it| !it.is_empty())
        .collect();
    for sentence in [reason, waiting] {
        assert!(
            words.join(" ").contains(sentence),
            "{sentence} is not in {picture}"
        );
    }
}

#[test]
fn fate_table_and_its_confirmation() {
    let mut stage = services();
    let orders = stage::key("orders-db");
    stage.press("j j j x");
    for volumes in [VolumeChoice::Keep, VolumeChoice::Delete] {
        let Some(crate::app::Screen::Teardown(pane)) = stage.model.screens.last() else {
            panic!("no fate table");
        };
        let (op, key) = (pane.op, pane.plans.iter().next().unwrap().key.clone());
        assert_eq!(key, orders);
        let result = Ok(Box::new(stage::teardown_plan("orders-db", volumes)));
        stage.send(Msg::TeardownPlanned { op, key, result });
        check(&format!("fate_{volumes:?}"), &mut stage);
        if volumes == VolumeChoice::Keep {
            stage.press("v j enter");
        }
    }
    stage.press("x").type_text("orders");
    stage.press("enter");
    check("fate_typed", &mut stage);
}

fn edited(text: &str) -> Stage {
    let mut stage = services();
    stage.press("e");
    let editor = stage.model.editor().unwrap().id;
    let result = Ok(OpenedDefinition {
        text: text.to_owned(),
        digest: Digest::of(text.as_bytes()),
        draft: None,
    });
    stage.send(Msg::DefinitionOpened { editor, result });
    stage.checked();
    stage
}

#[test]
fn editor_shows_every_fault() {
    let text = "containers:\n  - name: main\n    image: nginx:1.27\n    ports:\n      - {name: http, port: \"80\"}\n\
                volumeMount: []\nreplicas: many\n";
    let mut stage = edited(text);
    check("editor", &mut stage);
    stage.press("F8").type_text("x");
    check("editor_modified", &mut stage);
    stage.press("esc");
    check("editor_leaving", &mut stage);
}

#[test]
fn what_a_search_did_is_told_beside_it() {
    let mut stage = edited("a: 1\nb: a\n");
    stage.press("alt-r").type_text("a").press("tab");
    stage.type_text("c").press("alt-a");
    for size in [SMALL, LARGE] {
        let drawn = draw(&stage.model, size);
        let last = drawn.lines().last().unwrap_or_default();
        assert!(last.contains("Replaced 2 matches."), "{last}");
        assert!(last.contains("with: c"), "{last}");
    }
}

/// What is typed is in sight rather than the keys that could be pressed.
#[test]
fn what_is_searched_and_what_replaces_it_are_in_sight() {
    let mut stage = edited("a: 1\nb: a\n");
    stage
        .press("alt-r")
        .type_text("imagePullPolicy")
        .press("tab");
    stage.type_text("Always");
    for size in [SMALL, LARGE] {
        let drawn = draw(&stage.model, size);
        let last = drawn.lines().last().unwrap_or_default();
        assert!(last.contains("search 0/0: imagePullPolicy"), "{last}");
        assert!(last.contains("with: Always"), "{last}");
    }
}

#[test]
fn what_applying_would_change_stands_beside_the_text_or_below() {
    let text = "containers:\n  - name: main\n    image: nginx:1.27\n";
    let mut stage = edited(text);
    stage.wait(Duration::from_secs(1));
    let pane = stage.model.editor().unwrap();
    let (editor, revision) = (pane.id, pane.editor().unwrap().revision());
    let plan = stage::deploy_plan("billing");
    let start = text.find("nginx").unwrap();
    let fault = Diagnostic {
        severity: Severity::Warning,
        path: "containers[0].image".to_owned(),
        span: Span {
            start: Position { line: 3, column: 12 },
            end: Position { line: 3, column: 22 },
            bytes: start..start + 10,
        },
        message: "kubectl-edit set .spec.template.spec.containers[name=\"main\"].image of Deployment/billing to \"nginx:1.26\": \
                  when it is applied, take it over or leave it to its owner"
            .to_owned(),
        fix: None,
    };
    let found = Preview {
        against: Against::DryRun,
        objects: plan.objects,
        refusals: Vec::new(),
        conflicts: Vec::new(),
        offers: Vec::new(),
        warnings: plan.warnings,
        faults: vec![fault],
    };
    let result = Ok(Box::new(found));
    stage.send(Msg::Previewed {
        editor,
        revision,
        result,
    });
    stage.press("^d");
    assert!(draw(&stage.model, SMALL).contains("by the server's dry run"));
    check("editor_difference", &mut stage);
    // Without a cluster it says which of what this machine knows it is compared with.
    let told = |against: Against| {
        let mut model = stage.model.clone();
        let Some(crate::app::Screen::Editor(pane)) = model.screens.last_mut() else {
            panic!("the editor is in front");
        };
        let found = pane.preview.found.as_mut().unwrap();
        found.result.as_mut().unwrap().against = against;
        let picture = draw(&model, (120, 30));
        let title = picture
            .lines()
            .find_map(|line| line.split_once("Difference "));
        title.unwrap().1.split(" ─").next().unwrap().to_owned()
    };
    let at = "2026-11-20T14:03:59Z".parse().unwrap();
    let applied = Against::Applied { revision: 3, at };
    assert_eq!(told(applied), "from r3 of 2026-11-20 14:03Z");
    assert_eq!(told(Against::Saved), "from what is saved");
    // A key later it is still of the text before.
    stage.press("^end").type_text("#");
    let picture = draw(&stage.model, LARGE);
    assert!(picture.contains("dry run …"), "{picture}");
    let before_errors = "Difference as it was before the errors ─";
    assert!(!picture.contains(before_errors), "{picture}");
    // With errors nothing newer will come.
    stage.type_text("\n  nonsense: [");
    stage.checked();
    let picture = draw(&stage.model, LARGE);
    assert!(picture.contains(before_errors), "{picture}");
}

/// Saves what is edited while somebody else left the file like this, and goes on to the merge.
fn merge_with(stage: &mut Stage, theirs: &str) {
    stage.press("^s");
    let pane = stage.model.editor().unwrap();
    let (editor, revision) = (pane.id, pane.editor().unwrap().revision());
    let answer = SaveAnswer::Changed;
    stage.send(Msg::Saved {
        editor,
        revision,
        answer,
    });
    stage.press("enter");
    let result = Ok(OpenedDefinition {
        digest: Digest::of(theirs.as_bytes()),
        text: theirs.to_owned(),
        draft: None,
    });
    stage.send(Msg::DefinitionOpened { editor, result });
}

#[test]
fn merge_shows_what_each_side_made_of_it() {
    let lines: Vec<String> = (1..=40).map(|n| format!("line{n}: {n}")).collect();
    let text = lines.join("\n") + "\n";
    let mut stage = edited(&text);
    for _ in 0..5 {
        stage.press("down");
    }
    stage.type_text("# mine\n").press("^home");
    stage.type_text("# only mine");
    let theirs = text
        .replace("line6: 6\n", "line6: six\n# \u{202e}theirs\n")
        .replace("line30: 30\n", "line30: thirty\n");
    merge_with(&mut stage, &theirs);
    check("merge", &mut stage);
    stage.press("b");
    check("merge_decided", &mut stage);
    stage.press("t");
    assert!(draw(&stage.model, SMALL).contains("theirs is taken"));
}

/// Whoever chooses between lines sees where they differ.
#[test]
fn long_lines_of_a_merge_are_shown_whole() {
    let same = format!("# {}", "x".repeat(200));
    let mut stage = edited(&format!("{same}\n"));
    stage.press("end").type_text("mine");
    merge_with(&mut stage, &format!("{same}theirs\n"));
    let drawn = draw(&stage.model, SMALL);
    assert!(
        drawn.contains("xmine") && drawn.contains("xtheirs"),
        "{drawn}"
    );
}

#[test]
fn what_could_be_written_stands_beside_the_cursor() {
    let text = "containers:\n  - name: main\n    image: nginx:1.27\n";
    let mut stage = edited(text);
    stage.press("^end r e");
    check("editor_list", &mut stage);
    stage.press("tab 2 F1");
    check("editor_field", &mut stage);
}

#[test]
fn help_palette_menu_and_prompt() {
    for (keys, name) in [
        ("?", "help"),
        (":", "palette"),
        ("m", "menu"),
        ("n", "templates"),
        ("n enter", "name"),
    ] {
        let mut stage = services();
        stage.press(keys);
        check(name, &mut stage);
    }
}

/// Help is drawn from the table of actions: at every place it names each action of that place with its keys.
#[test]
fn help_names_every_action_of_a_place() {
    for (keys, place) in [
        ("?", Place::Services),
        ("tab ?", Place::Detail),
        ("e F1", Place::Editor),
        ("a ?", Place::Review),
        ("x ?", Place::Teardown),
        ("@ ?", Place::Log),
    ] {
        let mut stage = services();
        stage.press(keys);
        assert_eq!(stage.model.place(), place);
        let text = draw(&stage.model, (120, 190));
        for spec in SPECS.iter().filter(|spec| spec.places.contains(&place)) {
            let line = format!("{}  {}", spec.keys.join(" "), spec.sentence);
            assert!(
                text.contains(&line),
                "{line} at {place:?} is not in\n{text}"
            );
        }
    }
}

#[test]
fn help_leaves_out_what_has_no_meaning_where_it_was_asked_for() {
    let opens = "Open what is selected on the whole screen";
    for (keys, is_told) in [("tab ?", true), ("enter ?", false)] {
        let mut stage = services();
        stage.press(keys);
        let text = draw(&stage.model, (120, 190));
        assert_eq!(text.contains(opens), is_told, "{keys}: {text}");
    }
}

#[test]
fn help_tells_how_to_leave_it_in_the_narrowest_terminal() {
    let mut stage = services();
    stage.press("?");
    let text = draw(&stage.model, (40, 10));
    assert!(text.contains("esc close"), "{text}");
}

#[test]
fn filter_is_typed_below_and_shown_above() {
    let mut stage = services();
    stage.press("/").type_text("state:f");
    check("filter", &mut stage);
}

#[test]
fn nothing_deployed_says_what_to_do() {
    let mut stage = Stage::empty();
    stage.connected();
    stage.catalogue(&[]);
    stage.overview(vec![WatchEvent::Link {
        topic: Topic::Records,
        state: LinkState::Live,
    }]);
    check("empty", &mut stage);
}

#[test]
fn any_size_is_drawn_without_harm() {
    let mut stage = services();
    stage.press(":");
    for size in [
        (1, 1),
        (20, 5),
        (39, 10),
        (40, 9),
        (40, 10),
        (41, 11),
        (300, 3),
        (3, 300),
        (1000, 500),
    ] {
        let text = draw(&stage.model, size);
        assert_eq!(text.lines().count(), usize::from(size.1), "{size:?}");
    }
    assert_eq!(
        draw(&stage.model, (39, 2)).lines().next(),
        Some("bowline needs 40x10; here 39x2")
    );
}

#[test]
fn text_that_is_not_saved_is_told_where_nothing_else_has_room() {
    let mut stage = edited("replicas: 1\n");
    stage.type_text("x");
    let told = |stage: &Stage, size| {
        let text = draw(&stage.model, size);
        let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
        lines.join(" ").trim_end().to_owned()
    };
    let sentence = "unsaved text: q asks from 40x10 on; here";
    assert_eq!(told(&stage, (39, 2)), format!("{sentence} 39x2"));
    assert_eq!(told(&stage, (80, 1)), format!("{sentence} 80x1"));
    stage.model.size = (39, 2);
    stage.take_effects();
    stage.press("q");
    assert_eq!(stage.take_effects(), []);
    assert!(stage.model.popup.is_none());
    assert!(stage.model.editor().unwrap().unsaved().is_some());
}

#[test]
fn long_answers_take_up_to_three_rows_and_cover_no_more() {
    let mut stage = services();
    let before = draw(&stage.model, SMALL);
    let words = |n: usize| vec!["refused"; n].join(" ");
    let told = |stage: &mut Stage, n: usize| {
        stage.model.complain(words(n));
        let after = draw(&stage.model, SMALL);
        let lines = after.lines().zip(before.lines());
        let is_new = |(new, old): (&str, &str)| (new != old).then(|| new.trim_end().to_owned());
        lines.filter_map(is_new).collect::<Vec<String>>()
    };
    assert_eq!(told(&mut stage, 2), [" ▲ refused refused"]);
    assert_eq!(
        told(&mut stage, 12),
        [format!(" ▲ {}", words(9)), format!("   {}", words(3)),]
    );
    let three = told(&mut stage, 40);
    assert_eq!(three.len(), 3);
    assert!(three[2].ends_with('…'), "{three:?}");
    // The shortest that one row does not hold.
    stage.model.complain("x".repeat(77));
    let text = draw(&stage.model, SMALL);
    assert_eq!(
        text.matches('x').count(),
        before.matches('x').count() - hidden(&before) + 77
    );
}

/// Trouble that comes by itself leaves the keys of a dialog in sight.
#[test]
fn what_is_told_covers_no_keys_of_what_is_in_front() {
    let mut stage = services();
    stage.press("N");
    let trouble = "The port 8080 of web is not forwarded any more: the pod web-6d9c9c5b8-4bqzd is gone, and no other one is there.";
    stage.model.complain(trouble);
    let screen = draw(&stage.model, (80, 24));
    assert!(screen.contains("esc close"), "{screen}");
    assert!(screen.contains("is gone, and no other one"), "{screen}");
}

#[test]
fn keys_that_nothing_but_a_refusal_comes_of_are_not_offered() {
    let mut stage = services();
    assert!(draw(&stage.model, (80, 24)).contains("a apply"));
    stage.model.session.guard.is_read_only = true;
    let screen = draw(&stage.model, (80, 24));
    assert!(!screen.contains("a apply"), "{screen}");
    assert!(screen.contains("l logs"), "{screen}");
}

/// Counts the letters of the last two rows.
fn hidden(text: &str) -> usize {
    let rows = text.lines().rev().take(2);
    rows.map(|row| row.matches('x').count()).sum()
}

#[test]
fn way_back_is_in_the_last_line_of_everything_but_the_list() {
    let mut stage = services();
    let last = |stage: &Stage| {
        let text = draw(&stage.model, SMALL);
        text.lines().last().unwrap().trim().to_owned()
    };
    assert!(last(&stage).contains("l logs"));
    assert!(!last(&stage).contains("esc back"));
    for keys in ["l", "tab 7", "P", "C", "@", "F", "x"] {
        stage.press(keys);
        let line = last(&stage);
        assert!(line.contains("esc back"), "{keys}: {line}");
        stage = services();
    }
}

#[test]
fn names_in_the_fate_table_are_told_whole_in_a_narrow_terminal() {
    let id = "a-service-with-a-name-as-long-as-names-of-it-are";
    let volume = "pvc-0b1d9f0e-3c55-4f7c-9a41-5d2c8b7e6f10";
    let mut plan = stage::teardown_plan(id, VolumeChoice::Delete);
    for row in &mut plan.rows {
        if let Some(claim) = &mut row.claim {
            claim.volume = Some(volume.to_owned());
        }
    }
    let mut stage = services();
    stage.press("x");
    let op = views::last_op(&stage);
    stage.send(Msg::TeardownPlanned {
        op,
        key: stage.model.selected_instance().unwrap().clone(),
        result: Ok(Box::new(plan)),
    });
    let text = draw(&stage.model, SMALL);
    let rows = text.lines().filter(|line| line.starts_with('│'));
    let joined: String = rows.map(|row| row.trim_matches(['│', ' '])).collect();
    assert!(!text.contains('…'), "{text}");
    for name in [
        &format!("PersistentVolumeClaim/data-{id}-0"),
        &format!("Pod/{id}-0"),
        volume,
    ] {
        assert!(joined.contains(name), "{name} is not in\n{text}");
    }
    // The fates stand below each other.
    let column = |line: &str| line.chars().take_while(|c| *c != 'F').count();
    let at = text.lines().find(|line| line.contains("FATE")).map(column);
    let deleted = text
        .lines()
        .filter_map(|line| Some(line.split_once("deleted")?.0.chars().count()));
    assert!(deleted.clone().count() > 2);
    assert!(deleted.skip(1).all(|column| Some(column) == at), "{text}");
}

#[test]
fn half_done_operation_shows_in_the_list_and_in_the_title() {
    let mut stage = services();
    stage.press("j j j").rest();
    stage.noted("orders-db", stage::half_done());
    stage.wait(ABANDONED_AFTER);
    stage.model.settle();
    for (level, is_ascii, sign) in [
        (ColorLevel::Full, false, "◐"),
        (ColorLevel::Basic, false, "◐"),
        (ColorLevel::Basic, true, "~"),
    ] {
        let theme = Theme::new(&ThemeSettings::default(), level, is_ascii);
        let buf = picture::draw_alone(&stage.model, SMALL, &theme);
        let text = picture::to_text(&buf);
        let row = text
            .lines()
            .find(|line| line.contains("orders-db"))
            .unwrap();
        assert!(row.contains(&format!("{sign} Interrupted")), "{text}");
        // The wider state leaves the drift in sight.
        assert!(row.contains("edited"), "{text}");
        let title =
            format!("orders-db {sign} Interrupted: deploy by ann@bastion/7 stands still at step 2");
        assert!(text.contains(&title), "{text}");
        assert!(
            text.lines().next().unwrap().contains("1 interrupted"),
            "{text}"
        );
    }
}

/// Without colours and with ASCII only, every state is still told apart.
#[test]
fn plain_terminals_get_words_and_ascii() {
    let mut stage = services();
    stage.noted("orders-db", stage::half_done());
    stage.wait(ABANDONED_AFTER);
    stage.model.settle();
    let theme = Theme::new(&ThemeSettings::default(), ColorLevel::None, true);
    let buf = picture::draw_alone(&stage.model, SMALL, &theme);
    let text = picture::to_text(&buf);
    let odd: String = text.chars().filter(|c| !c.is_ascii()).collect();
    assert_eq!(odd, "");
    for word in [
        "* Ready",
        "~ Rolling",
        "x Failing",
        "o Saved",
        "~ Interrupted",
    ] {
        assert!(text.contains(word), "{word} is not in\n{text}");
    }
    let has_colour = |cell: &ratatui::buffer::Cell| {
        cell.fg != ratatui::style::Color::Reset || cell.bg != ratatui::style::Color::Reset
    };
    assert!(!buf.content().iter().any(has_colour));
}

#[test]
fn pictures_are_well_formed_svg() {
    let mut stage = services();
    stage.press(":").type_text("<&>");
    let svg = picture::to_svg(&picture::draw_alone(&stage.model, SMALL, &Theme::default()));
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
    assert!(svg.contains("&lt;&amp;&gt;"));
    assert!(!svg.contains("<&>"));
}

#[test]
fn nothing_hostile_reaches_the_screen() {
    let mut stage = services();
    let hostile = "\u{1b}[2J\u{202e}evil\u{9b}31m";
    let failure = Failure::new(FailureKind::Unreachable, hostile);
    let epoch = stage.epoch();
    stage.send(Msg::ConnectFailed { epoch, failure });
    // One that is drawn as it came: what stands in the header was cleaned by nobody before.
    hostile.clone_into(&mut stage.model.session.context);
    let buf = picture::draw_alone(&stage.model, LARGE, &Theme::default());
    let shown = crate::text::clean(hostile);
    let text = picture::to_text(&buf);
    assert!(text.lines().next().unwrap().contains(&*shown), "{text}");
    let is_hostile = |c: char| c.is_control() || c == '\u{202e}';
    assert!(
        !buf.content()
            .iter()
            .any(|cell| cell.symbol().chars().any(is_hostile))
    );
}

/// One changed pod must cost few bytes on a slow line, and an unchanged model none.
#[test]
fn changed_pod_changes_few_cells() {
    let mut stage = services();
    let before = picture::draw_alone(&stage.model, LARGE, &Theme::default());
    let row = stage::pod_row("web-6d9c9c5b8-4bqzd", 1, "Running", 1);
    let namespace = stage::key("web").namespace;
    stage.overview(vec![WatchEvent::PodRows(
        namespace,
        vec![crate::service::watch::Delta::Applied(row)],
    )]);
    stage.model.settle();
    let after = picture::draw_alone(&stage.model, LARGE, &Theme::default());
    assert_eq!(before.diff(&after).len(), 1);
    assert!(
        after
            .diff(&picture::draw_alone(&stage.model, LARGE, &Theme::default()))
            .is_empty()
    );
}

#[test]
fn keys_that_do_nothing_to_a_plan_or_an_operation_are_not_offered() {
    let last_line = |stage: &Stage| {
        let picture = draw(&stage.model, LARGE);
        picture.lines().last().unwrap_or_default().to_owned()
    };
    let mut stage = services();
    stage.press("G a");
    let op = views::last_op(&stage);
    let mut plan = stage::deploy_plan("web");
    let result = Ok(Box::new(plan.clone().into()));
    stage.send(Msg::DeployPlanned { op, result });
    let line = last_line(&stage);
    assert!(line.contains("w why"), "{line}");
    assert!(
        !line.contains("o agree") && !line.contains("A adopt"),
        "{line}"
    );
    plan.objects.clear();
    plan.is_record_exact = true;
    stage.press("r");
    let op = views::last_op(&stage);
    let result = Ok(Box::new(plan.into()));
    stage.send(Msg::DeployPlanned { op, result });
    let line = last_line(&stage);
    assert!(!line.contains("w why"), "{line}");
}

#[test]
fn tab_in_front_is_seen_in_a_small_terminal() {
    let mut stage = services();
    for tab in ["1", "4", "7"] {
        stage.press("tab").press(tab);
        let picture = draw(&stage.model, (40, 12));
        assert!(picture.contains(&format!("[{tab} ")), "{picture}");
    }
}

#[test]
fn small_terminal_loses_no_words_of_the_help_or_of_a_choice() {
    let mut stage = services();
    stage.press("?");
    let picture = draw(&stage.model, (40, 200));
    assert!(!picture.contains('…'), "{picture}");
    let mut stage = edited("containers: []\n");
    stage.type_text("# x").press("esc");
    let picture = draw(&stage.model, (40, 10));
    for choice in ["Save and leave", "Go on editing", "Leave without saving"] {
        assert!(picture.contains(choice), "{picture}");
    }
}

#[test]
fn editor_says_whose_definition_it_works_on() {
    let mut stage = Stage::with_services();
    stage.press("N").type_text("all n");
    stage.press("enter");
    stage.overview(stage::overview());
    stage.model.settle();
    stage.press("g e");
    let picture = draw(&stage.model, SMALL);
    assert!(picture.contains("billing.yaml in team-a"), "{picture}");
}
