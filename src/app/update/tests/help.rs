//! The table of actions: whole, and of one meaning.

use std::collections::BTreeSet;

use crate::app::action::{Action, ActionSpec, SPECS};
use crate::app::effect::Effect;
use crate::app::hints::Hints;
use crate::app::input::Input;
use crate::app::msg::{Msg, OpId};
use crate::app::panes::detail::Tab;
use crate::app::place::Place;
use crate::app::popup::Popup;
use crate::app::stage::{self, Stage};

/// Returns the action after another, so that a new one cannot be left out of the walk below.
fn after(action: Action) -> Option<Action> {
    use Action::*;
    Some(match action {
        Down => Up,
        Up => Top,
        Top => Bottom,
        Bottom => PageDown,
        PageDown => PageUp,
        PageUp => HalfPageDown,
        HalfPageDown => HalfPageUp,
        HalfPageUp => ScrollDown,
        ScrollDown => ScrollUp,
        ScrollUp => Open,
        Open => Back,
        Back => NextPane,
        NextPane => NextMatch,
        NextMatch => PreviousMatch,
        PreviousMatch => ShowTab(Tab::Pods),
        ShowTab(Tab::Pods) => ShowTab(Tab::Volumes),
        ShowTab(Tab::Volumes) => ShowTab(Tab::Events),
        ShowTab(Tab::Events) => ShowTab(Tab::Logs),
        ShowTab(Tab::Logs) => ShowTab(Tab::Objects),
        ShowTab(Tab::Objects) => ShowTab(Tab::Definition),
        ShowTab(Tab::Definition) => ShowTab(Tab::History),
        ShowTab(Tab::History) => Fold,
        Fold => New,
        New => Edit,
        Edit => Apply,
        Apply => ApplyAs,
        ApplyAs => Teardown,
        Teardown => Difference,
        Difference => ScaleUp,
        ScaleUp => ScaleDown,
        ScaleDown => Scale,
        Scale => Restart,
        Restart => Rollback,
        Rollback => Resume,
        Resume => TakeOver,
        TakeOver => Restore,
        Restore => Undo,
        Undo => Prune,
        Prune => UpdateRoutes,
        UpdateRoutes => Import,
        Import => Adopt,
        Adopt => Agree,
        Agree => Mark,
        Mark => ClearMarks,
        ClearMarks => Filter,
        Filter => Sort,
        Sort => ReverseSort,
        ReverseSort => Copy,
        Copy => Confirm,
        Confirm => ChooseVolumes,
        ChooseVolumes => Replan,
        Replan => Message,
        Message => Values,
        Values => Secrets,
        Secrets => Logs,
        Logs => PreviousLogs,
        PreviousLogs => Follow,
        Follow => Wrap,
        Wrap => Timestamps,
        Timestamps => LogSince,
        LogSince => LogsOf,
        LogsOf => Matches,
        Matches => Left,
        Left => Right,
        Right => PodLogs,
        PodLogs => Concerned,
        Concerned => Shell,
        Shell => Forward,
        Forward => Forwards,
        Forwards => StopForward,
        StopForward => Nodes,
        Nodes => SaveLog,
        SaveLog => Compare,
        Compare => Changes,
        Changes => Pull,
        Pull => Save,
        Save => Review,
        Review => Search,
        Search => Replace,
        Replace => Complete,
        Complete => TogglePreview,
        TogglePreview => EditElsewhere,
        EditElsewhere => TakeLive,
        TakeLive => TakeMine,
        TakeMine => TakeTheirs,
        TakeTheirs => TakeBoth,
        TakeBoth => ByHand,
        ByHand => NextProblem,
        NextProblem => PreviousProblem,
        PreviousProblem => Context,
        Context => Namespace,
        Namespace => Claims,
        Claims => Release,
        Release => Operations,
        Operations => Watch,
        Watch => Stop,
        Stop => Log,
        Log => Menu,
        Menu => Palette,
        Palette => Help,
        Help => Refresh,
        Refresh => Suspend,
        Suspend => Quit,
        Quit => return None,
    })
}

#[test]
fn palette_finds_actions_by_their_names_first() {
    let check = |typed: &str, expected: &str| {
        let mut stage = Stage::with_services();
        stage.press(":").type_text(typed);
        let found = stage.menu().selected().map(|item| item.name);
        assert_eq!(found, Some(expected), "{typed}");
    };
    check("tear", "teardown");
    check("adopt", "adopt");
    check("claims", "claims");
    check("sort", "sort");
    check("scale-up", "scale-up");
    check("namespace", "namespace");
    // What the fingers of other tools' people type, and never a sentence that has the letters somewhere.
    check("ns", "namespace");
    check("ctx", "context");
    check("delete", "teardown");
    check("del", "teardown");
    check("deploy", "apply");
    check("q", "quit");
}

#[test]
fn every_action_is_in_the_table_with_a_sentence_and_a_key_or_the_palette() {
    let mut action = Some(Action::Down);
    while let Some(present) = action {
        let specs: Vec<_> = SPECS.iter().filter(|spec| spec.action == present).collect();
        assert!(!specs.is_empty(), "{present:?}");
        for spec in specs {
            let is_in_palette = spec.places.iter().all(|it| *it != Place::Editor);
            assert!(
                (!spec.keys.is_empty() || is_in_palette) && !spec.places.is_empty(),
                "{present:?}"
            );
            assert!(!spec.sentence.is_empty(), "{present:?}");
        }
        action = after(present);
    }
}

#[test]
fn no_action_stands_twice_at_one_place() {
    let mut seen = BTreeSet::new();
    for spec in SPECS {
        for place in spec.places {
            assert!(
                seen.insert((*place, spec.action)),
                "{:?} at {place:?}",
                spec.action
            );
        }
    }
}

#[test]
fn every_place_has_a_way_out_and_help() {
    use Place::*;
    for place in [
        Services,
        Detail,
        Logs,
        History,
        Editor,
        Review,
        Teardown,
        Adjust,
        Adopt,
        Bulk,
        Routes,
        Pull,
        Comparison,
        Place::Merge,
        Changes,
        Claims,
        Forwards,
        Place::Nodes,
        Operations,
        Progress,
        Log,
    ] {
        for action in [Action::Back, Action::Help, Action::Suspend] {
            let is_it = |spec: &ActionSpec| spec.action == action && spec.places.contains(&place);
            assert!(SPECS.iter().any(is_it), "{action:?} at {place:?}");
        }
    }
}

/// No single key, whatever it is, takes an instance down or deploys one.
#[test]
fn no_key_alone_writes_to_the_cluster() {
    for spec in SPECS {
        for key in spec.keys.iter().filter(|key| !key.starts_with("shift-")) {
            let mut stage = Stage::with_services();
            stage.press(key);
            let writes = stage.take_effects().iter().any(stage::writes_to_cluster);
            assert!(!writes, "{key}");
        }
    }
}

#[test]
fn palette_finds_an_action_and_performs_it() {
    let mut stage = Stage::with_services();
    stage.press(":").type_text("events").press("enter");
    assert_eq!(stage.model.detail_pane.tab, Tab::Events);
    assert!(stage.model.popup.is_none());
}

#[test]
fn what_cannot_be_done_is_dimmed_in_the_palette_and_says_why() {
    let mut stage = Stage::with_services();
    stage.press("j j :").type_text("fate");
    let Some(Popup::Menu(menu)) = &stage.model.popup else {
        panic!("no palette");
    };
    let why = menu.selected().and_then(|item| item.why_not.as_deref());
    assert_eq!(why, Some("nothing is deployed here"));
    stage.press("enter");
    let told = stage
        .model
        .status
        .as_ref()
        .map(|status| status.text.as_str());
    assert_eq!(told, Some("Not now: nothing is deployed here."));
    assert_eq!(stage.take_effects(), []);
}

#[test]
fn menu_lists_every_deed_and_keys_choose_in_it_too() {
    let mut stage = Stage::with_services();
    stage.press("m");
    let labels: Vec<_> = stage.menu().items.iter().map(|it| &it.label).collect();
    let deeds = SPECS
        .iter()
        .filter(|spec| spec.places.contains(&Place::Services) && spec.action.is_deed());
    let sentences: Vec<_> = deeds.map(|spec| spec.sentence).collect();
    assert_eq!(labels, sentences);
    assert!(sentences.len() > 20, "{sentences:?}");
    // What cannot be done says why, chosen by its key too.
    stage.press("z");
    let why = "Not now: nothing was taken down or pulled in this session.";
    assert_eq!(stage.told(), Some(why));
    stage.press("esc G m r");
    assert!(matches!(
        stage.take_effects()[..],
        [Effect::PlanAdjustment { .. }]
    ));
}

#[test]
fn questions_are_answered_by_y_and_n() {
    let mut stage = Stage::with_services();
    stage.press("G a");
    let result = Ok(Box::new(crate::app::stage::deploy_plan("web").into()));
    stage.send(Msg::DeployPlanned {
        op: OpId(1),
        result,
    });
    stage.take_effects();
    stage.press("enter n");
    assert_eq!(
        (stage.take_effects().len(), stage.model.popup.is_none()),
        (0, true)
    );
    stage.press("enter y");
    assert!(matches!(
        stage.take_effects()[..],
        [Effect::RunDeploy { .. }]
    ));
}

/// A key that the settings bind is the one that sentences name; where they bind none, none is named.
#[test]
fn sentences_name_the_keys_that_are_bound() {
    let bound = |settings: &str| {
        let mut stage = Stage::with_services();
        stage.bind(settings);
        stage
    };
    let mut stage = bound("objects = \"!\"\nfold = \"space\"\n");
    stage.press("enter");
    stage.press("space");
    let why = "Not possible: only objects are folded: ! shows them.";
    assert_eq!(stage.told(), Some(why));
    let mut stage = bound("objects = []");
    stage.press("enter");
    stage.press("space");
    let why = "Not possible: only objects are folded.";
    assert_eq!(stage.told(), Some(why));
    let stage = bound("palette = []\nhelp = \"F2\"");
    let hints = Hints::seen([]);
    assert_eq!(
        hints.at(Place::Services, &stage.model.keymap).as_deref(),
        Some("First steps: F2 shows every key, m lists what can be done")
    );
}

#[test]
fn keys_of_pages_move_in_menus_and_help_by_what_is_in_sight() {
    let mut stage = Stage::with_services();
    stage.press("?");
    stage.model.geometry.popup_height = 8;
    let top = |stage: &Stage| match &stage.model.popup {
        Some(Popup::Help { top }) => *top,
        other => panic!("{other:?}"),
    };
    let paged = [
        ("^f", 7),
        ("pgdn", 14),
        ("^b", 7),
        ("pgup", 0),
        ("^d", 4),
        ("^u", 0),
    ];
    for (keys, expected) in paged {
        stage.press(keys);
        assert_eq!(top(&stage), expected, "{keys}");
    }
    stage.press("esc m");
    stage.model.geometry.popup_height = 8;
    for (keys, expected) in paged {
        stage.press(keys);
        assert_eq!(stage.menu().selected, expected, "{keys}");
    }
    // What narrows a list is edited there.
    stage.press("esc :").type_text("scale").press("pgdn ^u");
    assert_eq!(stage.menu().query.as_ref().map(Input::text), Some(""));
}

#[test]
fn key_with_alt_or_control_chooses_nothing() {
    let mut stage = Stage::with_services();
    stage.press("m alt-enter");
    assert_eq!(stage.menu().selected, 0);
    stage.press("esc i").type_text("x").press("alt-enter");
    assert!(matches!(stage.model.popup, Some(Popup::Prompt(_))));
    assert_eq!(stage.take_effects(), []);
}
