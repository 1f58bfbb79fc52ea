//! What the user can do, as a table: it drives the key map, the footer, the help and the palette.

use crate::definition::diagnostic::Severity;
use crate::service::health::State;
use crate::service::summary::InstanceKey;

use super::model::{Focus, Model, Screen, SessionLink};
use super::panes::detail::Tab;
use super::panes::review::ReviewPhase;

/// Where keys go: the screen in front, and on the first one the part that has the focus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// The services list.
    Services,
    /// The detail of an instance, below the list or alone.
    Detail,
    /// The editor.
    Editor,
    /// The review of a plan.
    Review,
    /// The fate table.
    Teardown,
    /// The progress of operations.
    Progress,
    /// The command log.
    Log,
}

/// Something the user can do by a key or by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    // Moving.
    /// Goes a row down.
    Down,
    /// Goes a row up.
    Up,
    /// Goes to the first row.
    Top,
    /// Goes to the last row.
    Bottom,
    /// Goes half a page down.
    HalfPageDown,
    /// Goes half a page up.
    HalfPageUp,
    /// Scrolls the difference down.
    ScrollDown,
    /// Scrolls the difference up.
    ScrollUp,
    /// Opens what is selected.
    Open,
    /// Goes back.
    Back,
    /// Goes to the next part of the screen.
    NextPane,
    /// Shows a tab of the detail.
    ShowTab(Tab),

    // Services.
    /// Adds a definition from a template.
    New,
    /// Opens the definition in the editor.
    Edit,
    /// Plans a deploy for review.
    Apply,
    /// Plans a teardown for confirmation.
    Teardown,
    /// Shows what a deploy would change.
    Difference,
    /// Marks the row.
    Mark,
    /// Takes all marks off.
    ClearMarks,
    /// Filters the list.
    Filter,
    /// Sorts by the next column.
    Sort,
    /// Turns the order round.
    ReverseSort,
    /// Copies the name of what is selected.
    Copy,

    // Review and confirmation.
    /// Goes on with what is shown.
    Confirm,
    /// Changes what happens to the claims.
    ToggleVolumes,
    /// Plans anew.
    Replan,

    // Editor.
    /// Saves the definition.
    Save,
    /// Plans the deploy of what is edited.
    Review,
    /// Searches the text.
    Search,
    /// Goes to the next problem.
    NextProblem,
    /// Goes to the problem before.
    PreviousProblem,

    // Everywhere.
    /// Chooses a context.
    Context,
    /// Chooses a namespace.
    Namespace,
    /// Shows the operations that were started here.
    Operations,
    /// Shows the log of commands.
    Log,
    /// Lists the actions for what is selected.
    Menu,
    /// Finds any action by its name.
    Palette,
    /// Shows all keys.
    Help,
    /// Draws the screen anew and reads the catalogue again.
    Refresh,
    /// Suspends the program.
    Suspend,
    /// Ends the program.
    Quit,
}

/// What is to be known of an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ActionSpec {
    /// The action.
    pub action: Action,
    /// Its name, as the palette and key settings write it.
    pub id: &'static str,
    /// What it does, for help and palette.
    pub sentence: &'static str,
    /// What it does in a word, for the footer; empty keeps it out of there.
    pub word: &'static str,
    /// Its keys by default.
    pub keys: &'static [&'static str],
    /// Where it can be asked for.
    pub places: &'static [Place],
}

use Place::{Detail, Editor, Log, Progress, Review, Services, Teardown};

const LISTS: &[Place] = &[Services, Detail, Review, Teardown, Progress, Log];
const MAIN: &[Place] = &[Services, Detail];
const PLAIN: &[Place] = &[Services, Detail, Review, Teardown, Progress, Log];
const ALL: &[Place] = &[Services, Detail, Review, Teardown, Progress, Log, Editor];

const fn spec(
    action: Action,
    id: &'static str,
    sentence: &'static str,
    word: &'static str,
    keys: &'static [&'static str],
    places: &'static [Place],
) -> ActionSpec {
    ActionSpec {
        action,
        id,
        sentence,
        word,
        keys,
        places,
    }
}

/// All actions, in the order of help and footer.
pub const SPECS: &[ActionSpec] = &[
    spec(
        Action::Open,
        "open",
        "Open what is selected on the whole screen",
        "open",
        &["enter"],
        MAIN,
    ),
    spec(
        Action::Confirm,
        "confirm",
        "Go on with what is shown, after one more question",
        "go on",
        &["enter", "a"],
        &[Review],
    ),
    spec(
        Action::Confirm,
        "confirm-teardown",
        "Take down what is shown, after a confirmation",
        "take down",
        &["enter", "x"],
        &[Teardown],
    ),
    spec(
        Action::ToggleVolumes,
        "toggle-volumes",
        "Keep or delete the claims with their data",
        "volumes: keep/delete",
        &["v"],
        &[Teardown],
    ),
    spec(
        Action::Replan,
        "replan",
        "Plan anew from what is there now",
        "plan anew",
        &["r"],
        &[Review, Teardown],
    ),
    spec(
        Action::Save,
        "save",
        "Save the definition",
        "save",
        &["^s"],
        &[Editor],
    ),
    spec(
        Action::Review,
        "review",
        "Plan the deploy of this text and review it",
        "review and apply",
        &["^r"],
        &[Editor],
    ),
    spec(
        Action::Search,
        "search",
        "Search the text",
        "search",
        &["^f"],
        &[Editor],
    ),
    spec(
        Action::NextProblem,
        "next-problem",
        "Go to the next problem",
        "next problem",
        &["F8"],
        &[Editor],
    ),
    spec(
        Action::PreviousProblem,
        "previous-problem",
        "Go to the problem before",
        "",
        &["shift-F8", "F20"],
        &[Editor],
    ),
    spec(
        Action::New,
        "new",
        "Add a definition from a template",
        "new",
        &["n"],
        MAIN,
    ),
    spec(
        Action::Edit,
        "edit",
        "Edit the definition",
        "edit",
        &["e"],
        &[Services, Detail, Review],
    ),
    spec(
        Action::Apply,
        "apply",
        "Plan the deploy of the definition and review it",
        "apply",
        &["a"],
        MAIN,
    ),
    spec(
        Action::Teardown,
        "teardown",
        "Show the fate of every object, then take the instance down",
        "teardown",
        &["x"],
        MAIN,
    ),
    spec(
        Action::Difference,
        "difference",
        "Show what a deploy would change",
        "difference",
        &["D"],
        MAIN,
    ),
    spec(
        Action::Menu,
        "menu",
        "List what can be done here",
        "menu",
        &["m"],
        PLAIN,
    ),
    spec(
        Action::Filter,
        "filter",
        "Filter the list: words, state:failing",
        "filter",
        &["/"],
        &[Services],
    ),
    spec(
        Action::Palette,
        "palette",
        "Find any action by its name",
        "command",
        &[":"],
        PLAIN,
    ),
    spec(
        Action::Help,
        "help",
        "Show all keys",
        "help",
        &["?", "F1"],
        PLAIN,
    ),
    spec(
        Action::Help,
        "editor-help",
        "Show all keys of the editor",
        "help",
        &["F1"],
        &[Editor],
    ),
    spec(
        Action::Mark,
        "mark",
        "Mark the row, for actions on several",
        "",
        &["space"],
        &[Services],
    ),
    spec(
        Action::ClearMarks,
        "clear-marks",
        "Take all marks off",
        "",
        &["M"],
        &[Services],
    ),
    spec(
        Action::Sort,
        "sort",
        "Sort by the next column",
        "",
        &["o"],
        MAIN,
    ),
    spec(
        Action::ReverseSort,
        "reverse-sort",
        "Turn the order round",
        "",
        &["O"],
        MAIN,
    ),
    spec(
        Action::Copy,
        "copy",
        "Copy the name of what is selected, or a command of the log",
        "",
        &["y"],
        &[Services, Detail, Log],
    ),
    spec(
        Action::Namespace,
        "namespace",
        "Choose a namespace",
        "",
        &["N"],
        MAIN,
    ),
    spec(
        Action::Context,
        "context",
        "Choose a context of the kubeconfig",
        "",
        &["c"],
        MAIN,
    ),
    spec(
        Action::Operations,
        "operations",
        "Show the operations that were started here",
        "",
        &["P"],
        MAIN,
    ),
    spec(
        Action::Log,
        "log",
        "Show the log of commands",
        "",
        &["@"],
        MAIN,
    ),
    spec(
        Action::ShowTab(Tab::Pods),
        "pods",
        "Show the pods",
        "",
        &["1"],
        MAIN,
    ),
    spec(
        Action::ShowTab(Tab::Volumes),
        "volumes",
        "Show the volumes",
        "",
        &["2"],
        MAIN,
    ),
    spec(
        Action::ShowTab(Tab::Events),
        "events",
        "Show the events",
        "",
        &["3"],
        MAIN,
    ),
    spec(
        Action::ShowTab(Tab::Objects),
        "objects",
        "Show the objects",
        "",
        &["5"],
        MAIN,
    ),
    spec(
        Action::ShowTab(Tab::Definition),
        "definition",
        "Show the definition",
        "",
        &["6"],
        MAIN,
    ),
    spec(
        Action::NextPane,
        "next-pane",
        "Go to the other part of the screen",
        "",
        &["tab"],
        MAIN,
    ),
    spec(
        Action::Back,
        "back",
        "Go back; take a filter off",
        "back",
        &["esc"],
        LISTS,
    ),
    spec(
        Action::Back,
        "leave-editor",
        "Leave the editor",
        "leave",
        &["esc", "^q"],
        &[Editor],
    ),
    spec(
        Action::Down,
        "down",
        "Go a row down",
        "",
        &["j", "down"],
        LISTS,
    ),
    spec(Action::Up, "up", "Go a row up", "", &["k", "up"], LISTS),
    spec(
        Action::Top,
        "top",
        "Go to the first row",
        "",
        &["g", "home"],
        LISTS,
    ),
    spec(
        Action::Bottom,
        "bottom",
        "Go to the last row",
        "",
        &["G", "end"],
        LISTS,
    ),
    spec(
        Action::HalfPageDown,
        "half-page-down",
        "Go half a page down",
        "",
        &["^d"],
        LISTS,
    ),
    spec(
        Action::HalfPageUp,
        "half-page-up",
        "Go half a page up",
        "",
        &["^u"],
        LISTS,
    ),
    spec(
        Action::ScrollDown,
        "scroll-down",
        "Scroll the lower part down",
        "",
        &["pgdn", "J"],
        LISTS,
    ),
    spec(
        Action::ScrollUp,
        "scroll-up",
        "Scroll the lower part up",
        "",
        &["pgup", "K"],
        LISTS,
    ),
    spec(
        Action::Refresh,
        "refresh",
        "Draw the screen and read the catalogue anew",
        "",
        &["^l"],
        ALL,
    ),
    spec(
        Action::Suspend,
        "suspend",
        "Suspend the program; fg goes on",
        "",
        &["^z"],
        ALL,
    ),
    spec(Action::Quit, "quit", "Quit", "quit", &["q", "^c"], LISTS),
];

impl Action {
    /// Returns what is to be known of an action at a place; none where it cannot be asked for.
    pub fn spec_at(self, place: Place) -> Option<&'static ActionSpec> {
        SPECS
            .iter()
            .find(|spec| spec.action == self && spec.places.contains(&place))
    }
}

/// Tells whether an action can be performed now, and if not why: a sentence for the footer, the menu and the palette.
///
/// # Errors
/// The reason.
pub fn availability(action: Action, model: &Model) -> Result<(), &'static str> {
    match action {
        Action::Edit => match model.screens.last() {
            Some(Screen::Review(_)) => Ok(()),
            _ => model.definition_of_selection().map(drop),
        },
        Action::Apply | Action::Difference => {
            needs_connection(model)?;
            if model.services.table.marks().len() > 1 {
                return Err("several rows are marked: plans are reviewed one at a time");
            }
            model.definition_of_selection().map(drop)
        }
        Action::Teardown => {
            needs_connection(model)?;
            if model.teardown_targets().is_empty() {
                Err("nothing is deployed here")
            } else {
                Ok(())
            }
        }
        Action::Namespace => needs_connection(model),
        Action::ClearMarks if model.services.table.marks().is_empty() => Err("nothing is marked"),
        Action::Mark | Action::Copy | Action::Open if model.is_selection_empty() => {
            Err("nothing is selected")
        }
        Action::Operations if model.operations.is_empty() => Err("nothing was started yet"),
        Action::Context if model.session.is_sandbox => {
            Err("the sandbox is the only cluster of this session")
        }
        Action::Confirm => confirmable(model),
        Action::Review => reviewable(model),
        Action::ShowTab(_) if model.services.table.selected().is_none() => {
            Err("nothing is selected")
        }
        Action::Down
        | Action::Up
        | Action::Top
        | Action::Bottom
        | Action::HalfPageDown
        | Action::HalfPageUp
        | Action::ScrollDown
        | Action::ScrollUp
        | Action::Open
        | Action::Back
        | Action::NextPane
        | Action::ShowTab(_)
        | Action::New
        | Action::Mark
        | Action::ClearMarks
        | Action::Filter
        | Action::Sort
        | Action::ReverseSort
        | Action::Copy
        | Action::ToggleVolumes
        | Action::Replan
        | Action::Save
        | Action::Search
        | Action::NextProblem
        | Action::PreviousProblem
        | Action::Context
        | Action::Operations
        | Action::Log
        | Action::Menu
        | Action::Palette
        | Action::Help
        | Action::Refresh
        | Action::Suspend
        | Action::Quit => Ok(()),
    }
}

fn needs_connection(model: &Model) -> Result<(), &'static str> {
    match model.session.link {
        SessionLink::Connected => Ok(()),
        SessionLink::Connecting => Err("not connected yet"),
        SessionLink::Offline { .. } => Err("offline: no cluster to ask"),
    }
}

fn confirmable(model: &Model) -> Result<(), &'static str> {
    match model.screens.last() {
        Some(Screen::Review(review)) => match &review.phase {
            ReviewPhase::Planning => Err("the plan is not there yet"),
            ReviewPhase::Failed(_) => Err("there is no plan: plan anew"),
            ReviewPhase::Planned(plan) if !plan.refusals.is_empty() => {
                Err("refused: see the reasons above")
            }
            ReviewPhase::Planned(plan) if plan.is_noop() && plan.conflicts.is_empty() => {
                Err("nothing would change")
            }
            ReviewPhase::Planned(_) => Ok(()),
        },
        Some(Screen::Teardown(pane)) => pane.confirmable(),
        _ => Err("there is nothing to confirm"),
    }
}

fn reviewable(model: &Model) -> Result<(), &'static str> {
    needs_connection(model)?;
    let Some(Screen::Editor(pane)) = model.screens.last() else {
        return Err("no definition is being edited");
    };
    let Some(editor) = pane.editor() else {
        return Err("the definition is not read yet");
    };
    let is_error = |severity| severity == Severity::Error;
    if editor.is_checked()
        && editor
            .problems()
            .iter()
            .any(|p| is_error(p.diagnostic.severity))
    {
        return Err("the definition has errors: F8 goes to them");
    }
    Ok(())
}

impl Model {
    /// Returns where keys go.
    pub fn place(&self) -> Place {
        match self.screens.last() {
            None if self.focus == Focus::Services => Place::Services,
            None | Some(Screen::Detail) => Place::Detail,
            Some(Screen::Editor(_)) => Place::Editor,
            Some(Screen::Review(_)) => Place::Review,
            Some(Screen::Teardown(_)) => Place::Teardown,
            Some(Screen::Progress { .. }) => Place::Progress,
            Some(Screen::Log { .. }) => Place::Log,
        }
    }

    /// Tells whether there is nothing that an action could be about.
    fn is_selection_empty(&self) -> bool {
        match self.place() {
            Place::Services | Place::Detail => self.services.table.selected().is_none(),
            Place::Log => self.log.is_empty(),
            Place::Editor | Place::Review | Place::Teardown | Place::Progress => false,
        }
    }

    /// Tells whether an instance runs.
    pub(super) fn is_deployed(&self, key: &InstanceKey) -> bool {
        self.fleet
            .get(key)
            .is_some_and(|instance| instance.state() != State::Saved)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::app::keymap::Key;

    #[test]
    fn ids_are_unique_and_in_kebab_case() {
        let ids: BTreeSet<&str> = SPECS.iter().map(|spec| spec.id).collect();
        assert_eq!(ids.len(), SPECS.len());
        assert!(
            ids.iter()
                .all(|id| id.chars().all(|c| c.is_ascii_lowercase() || c == '-'))
        );
    }

    #[test]
    fn no_key_means_two_things_at_one_place() {
        let mut seen = BTreeSet::new();
        for spec in SPECS {
            for key in spec.keys {
                key.parse::<Key>().unwrap();
                for place in spec.places {
                    assert!(seen.insert((*place, *key)), "{key} at {place:?}");
                }
            }
        }
    }
}
