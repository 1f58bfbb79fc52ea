//! What the user can do, and where. The table in `table.rs` says of each action how it is named, told and typed.

mod table;

use super::panes::detail::Tab;
use super::place::Place;

pub use table::{SPECS, of_tab};

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
    /// Goes a page down.
    PageDown,
    /// Goes a page up.
    PageUp,
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
    /// Goes to the next match of a search.
    NextMatch,
    /// Goes to the match before.
    PreviousMatch,
    /// Goes to the next part of the screen.
    NextPane,
    /// Shows a tab of the detail.
    ShowTab(Tab),
    /// Folds what is below an object, or unfolds it.
    Fold,

    // Services.
    /// Adds a definition from a template.
    New,
    /// Opens the definition in the editor.
    Edit,
    /// Plans a deploy for review; of several marked rows at once.
    Apply,
    /// Asks for another ID, then plans the deploy under it.
    ApplyAs,
    /// Plans a teardown for confirmation.
    Teardown,
    /// Shows what a deploy would change, or in the history what differs from the current revision.
    Difference,
    /// Plans one replica more.
    ScaleUp,
    /// Plans one replica less.
    ScaleDown,
    /// Asks for the number of replicas.
    Scale,
    /// Plans a restart of the pods.
    Restart,
    /// Plans a rollback.
    Rollback,
    /// Plans what finishes an operation that was left half done.
    Resume,
    /// Plans the same, for one whose holder is known to be gone.
    TakeOver,
    /// Lists what was taken down, to put it back.
    Restore,
    /// Takes back what was done last: a teardown is put back, a pull taken out of the definition.
    Undo,
    /// Plans the teardown of all that has outlived its time.
    Prune,
    /// Plans the routes again, from what is there.
    UpdateRoutes,
    /// Takes a running set of objects into a definition.
    Import,
    /// Plans the adoption of what others own.
    Adopt,
    /// Chooses what the plan offers, such as growing volumes.
    Agree,
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
    /// Chooses what happens to the claims.
    ChooseVolumes,
    /// Plans anew.
    Replan,
    /// Asks why it is deployed.
    Message,
    /// Asks for values of the definition's parameters.
    Values,
    /// Asks for secrets that the cluster has values of.
    Secrets,

    // Logs and history.
    /// Shows the logs on the whole screen.
    Logs,
    /// Shows the logs of the runs before the present ones.
    PreviousLogs,
    /// Stays where the log is, or follows its newest lines.
    Follow,
    /// Lets long lines go on below, or cuts them.
    Wrap,
    /// Shows the times of lines, or hides them.
    Timestamps,
    /// Asks from when on a log is read.
    LogSince,
    /// Asks whose lines of a log are shown.
    LogsOf,
    /// Shows the lines that do not match too, or hides them.
    Matches,
    /// Goes to the left in long lines.
    Left,
    /// Goes to the right in long lines.
    Right,
    /// Shows the logs of the selected pod alone.
    PodLogs,
    /// Shows the events of an object, or the object of an event.
    Concerned,
    /// Opens a shell in a container.
    Shell,
    /// Forwards a port.
    Forward,
    /// Shows the ports that are forwarded.
    Forwards,
    /// Stops forwarding a port.
    StopForward,
    /// Shows the nodes.
    Nodes,
    /// Writes the lines to a file.
    SaveLog,
    /// Shows what a revision changed.
    Compare,
    /// Shows what others changed in the live objects.
    Changes,
    /// Plans taking what others changed into the definition.
    Pull,

    // Editor.
    /// Saves the definition.
    Save,
    /// Plans the deploy of what is edited.
    Review,
    /// Searches the text that is edited, or read.
    Search,
    /// Searches the text and replaces what is found.
    Replace,
    /// Lists what could be written at the cursor.
    Complete,
    /// Shows what applying the text would change, or hides it.
    TogglePreview,
    /// Hands the text to the editor of the user's own choice.
    EditElsewhere,
    /// Merges what others changed in the live objects into the text.
    TakeLive,
    /// Goes to the next problem.
    NextProblem,
    /// Goes to the problem before.
    PreviousProblem,

    // Merging.
    /// Takes the lines that were typed here.
    TakeMine,
    /// Takes the lines that somebody else wrote.
    TakeTheirs,
    /// Takes the lines of both.
    TakeBoth,
    /// Leaves the lines of both to be edited.
    ByHand,

    // Everywhere.
    /// Chooses a context.
    Context,
    /// Chooses a namespace.
    Namespace,
    /// Shows all claims.
    Claims,
    /// Shows what becomes of claims that nothing uses, to release them.
    Release,
    /// Shows the operations under way in the cluster, and those that were started here.
    Operations,
    /// Follows the selected operation.
    Watch,
    /// Asks an operation to stop between two steps.
    Stop,
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

impl Action {
    /// Tells whether it does something with what is there, and does not only move about in it: the menu lists these.
    pub fn is_deed(self) -> bool {
        !matches!(
            self,
            Self::Down
                | Self::Up
                | Self::Top
                | Self::Bottom
                | Self::PageDown
                | Self::PageUp
                | Self::HalfPageDown
                | Self::HalfPageUp
                | Self::ScrollDown
                | Self::ScrollUp
                | Self::NextMatch
                | Self::PreviousMatch
                | Self::Back
                | Self::NextPane
                | Self::ShowTab(_)
                | Self::Fold
                | Self::Filter
                | Self::Sort
                | Self::ReverseSort
                | Self::Menu
                | Self::Palette
                | Self::Help
                | Self::Refresh
                | Self::Suspend
                | Self::Quit
        )
    }

    /// Tells whether it is on the way to writing to the cluster.
    pub fn writes(self) -> bool {
        matches!(
            self,
            Self::Apply
                | Self::ApplyAs
                | Self::Teardown
                | Self::Release
                | Self::Prune
                | Self::ScaleUp
                | Self::ScaleDown
                | Self::Scale
                | Self::Restart
                | Self::Rollback
                | Self::Resume
                | Self::TakeOver
                | Self::Restore
                | Self::UpdateRoutes
                | Self::Adopt
        )
    }
}
