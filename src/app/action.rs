//! What the user can do, as a table: it drives the key map, the footer, the help and the palette.

use super::panes::detail::Tab;

/// Where keys go: the screen in front, and on the first one the part that has the focus.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// The services list.
    Services,
    /// The detail of an instance, below the list or alone.
    Detail,
    /// The logs in that detail.
    Logs,
    /// The history in that detail.
    History,
    /// The editor.
    Editor,
    /// The review of a plan.
    Review,
    /// The fate table.
    Teardown,
    /// The plan of a scale or a restart.
    Adjust,
    /// The plan of an adoption.
    Adopt,
    /// The plans of several deploys.
    Bulk,
    /// The routes of instances, computed again.
    Routes,
    /// What a pull writes into a definition.
    Pull,
    /// What differs between two revisions.
    Comparison,
    /// Two texts that became of one, being merged.
    Merge,
    /// What others changed in an instance.
    Changes,
    /// All claims.
    Claims,
    /// The ports that are forwarded.
    Forwards,
    /// The nodes.
    Nodes,
    /// The operations under way, and those that were started here.
    Operations,
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
    /// Searches the text.
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

use Place::{
    Adjust, Adopt, Bulk, Changes, Claims, Comparison, Detail, Editor, Forwards, History, Log, Logs,
    Merge, Nodes, Operations, Progress, Pull, Review, Routes, Services, Teardown,
};

/// Everywhere but in the editor.
const PLAIN: &[Place] = &[
    Services, Detail, Logs, History, Review, Teardown, Adjust, Adopt, Bulk, Routes, Pull,
    Comparison, Merge, Changes, Claims, Forwards, Nodes, Operations, Progress, Log,
];
/// Where a service is selected.
const MAIN: &[Place] = &[Services, Detail, Logs, History];
const ALL: &[Place] = &[
    Services, Detail, Logs, History, Review, Teardown, Adjust, Adopt, Bulk, Routes, Pull,
    Comparison, Merge, Changes, Claims, Forwards, Nodes, Operations, Progress, Log, Editor,
];

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
        &[Services, Detail],
    ),
    spec(
        Action::Watch,
        "watch",
        "Follow the selected operation, or go to its instance",
        "watch",
        &["enter"],
        &[Operations],
    ),
    spec(
        Action::Stop,
        "stop",
        "Stop what runs between two steps, and say what was not done",
        "stop",
        &["x"],
        &[Operations, Progress],
    ),
    spec(
        Action::Resume,
        "resume-it",
        "Plan what finishes the selected operation",
        "resume",
        &["R"],
        &[Operations],
    ),
    spec(
        Action::TakeOver,
        "take-it-over",
        "Plan the same, and take over at once: its holder is gone",
        "take over",
        &["T"],
        &[Operations],
    ),
    spec(
        Action::Compare,
        "compare",
        "Show what the revision changed, or what differs between two that are marked",
        "what it changed",
        &["enter"],
        &[History],
    ),
    spec(
        Action::Rollback,
        "rollback-to",
        "Plan the rollback to the selected revision and review it",
        "roll back to it",
        &["u"],
        &[History],
    ),
    spec(
        Action::Difference,
        "difference-from-current",
        "Show what differs from the current revision, or between two that are marked",
        "difference from current",
        &["D"],
        &[History],
    ),
    spec(
        Action::Follow,
        "follow",
        "Stay where the log is, or follow its newest lines",
        "follow",
        &["f"],
        &[Logs],
    ),
    spec(
        Action::PreviousLogs,
        "previous-run",
        "Show the runs before the present ones, or the present ones again",
        "previous",
        &["p"],
        &[Logs],
    ),
    spec(
        Action::Filter,
        "filter-log",
        "Show only lines that match a regular expression",
        "filter",
        &["/"],
        &[Logs],
    ),
    spec(
        Action::Wrap,
        "wrap",
        "Let long lines go on below, or cut them",
        "wrap",
        &["w"],
        &[Logs],
    ),
    spec(
        Action::Timestamps,
        "timestamps",
        "Show the times of lines, or hide them",
        "times",
        &["t"],
        &[Logs],
    ),
    spec(
        Action::Matches,
        "matches",
        "Show the lines that do not match too, or hide them",
        "",
        &["v"],
        &[Logs],
    ),
    spec(
        Action::Left,
        "left",
        "Go to the left in long lines",
        "",
        &["h", "left"],
        &[Logs],
    ),
    spec(
        Action::Right,
        "right",
        "Go to the right in long lines",
        "",
        &["l", "right"],
        &[Logs],
    ),
    spec(
        Action::SaveLog,
        "save-log",
        "Write the lines that are shown to a file",
        "save",
        &["^s"],
        &[Logs],
    ),
    spec(
        Action::LogSince,
        "log-since",
        "Choose from when on lines are read",
        "since",
        &["S"],
        &[Logs],
    ),
    spec(
        Action::LogsOf,
        "logs-of",
        "Choose whose lines are shown: of all, a pod, a container",
        "only",
        &["o"],
        &[Logs],
    ),
    spec(
        Action::Confirm,
        "go-on",
        "Go on with what is shown, after one more question",
        "go on",
        &["enter"],
        &[Adjust, Adopt, Routes, Pull],
    ),
    spec(
        Action::Confirm,
        "confirm",
        "Go on with what is shown, after one more question",
        "go on",
        &["enter", "a"],
        &[Review, Bulk],
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
        Action::TakeMine,
        "take-mine",
        "Take what was typed here, in the selected place",
        "mine",
        &["o"],
        &[Merge],
    ),
    spec(
        Action::TakeTheirs,
        "take-theirs",
        "Take what somebody else wrote, in the selected place",
        "theirs",
        &["t"],
        &[Merge],
    ),
    spec(
        Action::TakeBoth,
        "take-both",
        "Take both, mine first",
        "both",
        &["b"],
        &[Merge],
    ),
    spec(
        Action::ByHand,
        "by-hand",
        "Put both into the text between marks, to be edited there",
        "by hand",
        &["e"],
        &[Merge],
    ),
    spec(
        Action::Confirm,
        "take-merged",
        "Put the merged text into the editor, as one step; nothing is saved yet",
        "take the text",
        &["enter"],
        &[Merge],
    ),
    spec(
        Action::ChooseVolumes,
        "choose-volumes",
        "Choose what happens to the claims and their data",
        "volumes",
        &["v"],
        &[Teardown],
    ),
    spec(
        Action::Replan,
        "replan",
        "Plan anew from what is there now",
        "plan anew",
        &["r"],
        &[Review, Teardown, Adjust, Adopt, Bulk, Routes, Pull],
    ),
    spec(
        Action::Message,
        "message",
        "Write why it is deployed: a message kept with the revision",
        "why",
        &["w"],
        &[Review],
    ),
    spec(
        Action::Values,
        "values",
        "Set values of the definition's parameters, and plan anew with them",
        "values",
        &["v"],
        &[Review],
    ),
    spec(
        Action::Replan,
        "compare-anew",
        "Compare the revisions anew",
        "compare anew",
        &["r"],
        &[Comparison],
    ),
    spec(
        Action::Replan,
        "look-anew",
        "Compare the live objects anew",
        "look anew",
        &["r"],
        &[Changes],
    ),
    spec(
        Action::Replan,
        "read-anew",
        "Read the nodes anew",
        "read anew",
        &["r"],
        &[Nodes],
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
        "apply",
        &["^r"],
        &[Editor],
    ),
    spec(
        Action::Search,
        "search",
        "Search; alt-x by an expression, tab to replace",
        "",
        &["^f"],
        &[Editor],
    ),
    spec(
        Action::Replace,
        "replace",
        "Search and replace, one by one or all",
        "",
        &["alt-r"],
        &[Editor],
    ),
    spec(
        Action::Complete,
        "complete",
        "List what could be written here; tab takes it",
        "complete",
        &["^space"],
        &[Editor],
    ),
    spec(
        Action::TogglePreview,
        "show-difference",
        "Show what applying this text would change, or hide it",
        "diff",
        &["^d"],
        &[Editor],
    ),
    spec(
        Action::ScrollDown,
        "difference-down",
        "Scroll what applying would change down",
        "",
        &["alt-pgdn"],
        &[Editor],
    ),
    spec(
        Action::ScrollUp,
        "difference-up",
        "Scroll what applying would change up",
        "",
        &["alt-pgup"],
        &[Editor],
    ),
    spec(
        Action::EditElsewhere,
        "external-editor",
        "Edit the text in $VISUAL or $EDITOR, and come back with it",
        "",
        &["^e"],
        &[Editor],
    ),
    spec(
        Action::TakeLive,
        "take-changes",
        "Merge what others changed in the cluster into the text",
        "",
        &["^t"],
        &[Editor],
    ),
    spec(
        Action::NextProblem,
        "next-problem",
        "Go to the next problem",
        "problem",
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
        "Plan the deploy of what is selected or marked, and review it",
        "apply",
        &["a"],
        &[Services, Detail, Logs, History, Changes],
    ),
    spec(
        Action::ApplyAs,
        "apply-as",
        "Plan the deploy of the definition under another ID",
        "",
        &["i"],
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
        Action::Logs,
        "logs",
        "Show the logs of all its pods",
        "logs",
        &["l"],
        &[Services, Detail, History],
    ),
    spec(
        Action::Shell,
        "shell",
        "Open a shell in a container of it, on the whole terminal",
        "shell",
        &["s"],
        MAIN,
    ),
    spec(
        Action::Forward,
        "forward",
        "Forward a port of it to this machine",
        "forward",
        &["f"],
        &[Services, Detail, History],
    ),
    spec(
        Action::StopForward,
        "stop-forward",
        "Stop forwarding the port, and end its connections",
        "stop",
        &["x"],
        &[Forwards],
    ),
    spec(
        Action::Copy,
        "copy-url",
        "Copy the URL",
        "copy the URL",
        &["y"],
        &[Forwards],
    ),
    spec(
        Action::Copy,
        "copy-command",
        "Copy the command",
        "copy",
        &["y"],
        &[Log],
    ),
    spec(
        Action::Concerned,
        "concerned",
        "Show the events of the pod or claim, or what the event concerns",
        "",
        &["v"],
        &[Detail],
    ),
    spec(
        Action::PodLogs,
        "pod-logs",
        "Show the logs of the selected pod alone",
        "",
        &["L"],
        &[Detail],
    ),
    spec(
        Action::Difference,
        "difference",
        "Show what a deploy would change",
        "difference",
        &["D"],
        &[Services, Detail, Logs],
    ),
    spec(
        Action::Difference,
        "difference-of-one",
        "Show all of what the selected one would change",
        "difference",
        &["D"],
        &[Bulk],
    ),
    spec(
        Action::Changes,
        "changes",
        "Show what others changed in the live objects",
        "",
        &["d"],
        MAIN,
    ),
    spec(
        Action::Pull,
        "pull",
        "Plan to take what others changed into the definition",
        "",
        &["Y"],
        MAIN,
    ),
    spec(
        Action::Pull,
        "pull-these",
        "Plan to take these changes into the definition",
        "pull",
        &["Y"],
        &[Changes],
    ),
    spec(
        Action::Rollback,
        "rollback",
        "Plan the rollback to the revision before",
        "rollback",
        &["u"],
        &[Services, Detail, Logs],
    ),
    spec(
        Action::Resume,
        "resume",
        "Plan what finishes an operation that was left half done",
        "",
        &["R"],
        &[Services, Detail, Logs],
    ),
    spec(
        Action::TakeOver,
        "take-over",
        "Plan the same, and take over at once: its holder is gone",
        "",
        &["T"],
        &[Services, Detail, Logs],
    ),
    spec(
        Action::Scale,
        "scale",
        "Scale to a number of replicas",
        "scale",
        &["="],
        &[Services, Detail, Logs, History, Adjust],
    ),
    spec(
        Action::ScaleUp,
        "scale-up",
        "Plan one replica more",
        "more",
        &["+"],
        &[Services, Detail, Logs, History, Adjust],
    ),
    spec(
        Action::ScaleDown,
        "scale-down",
        "Plan one replica less",
        "less",
        &["-"],
        &[Services, Detail, Logs, History, Adjust],
    ),
    spec(
        Action::Restart,
        "restart",
        "Plan a restart: new pods for the old ones",
        "restart",
        &["r"],
        MAIN,
    ),
    spec(
        Action::Adopt,
        "adopt",
        "Plan to take over what others own of it",
        "adopt",
        &["A"],
        &[Services, Detail, Logs, History, Review],
    ),
    spec(
        Action::Agree,
        "agree",
        "Agree to what the plan offers, and plan anew with it",
        "agree",
        &["o"],
        &[Review],
    ),
    spec(
        Action::Restore,
        "restore",
        "List what was taken down here, to put it back",
        "put back",
        &["U"],
        &[Services, Detail, Logs, History, Progress],
    ),
    spec(
        Action::Undo,
        "undo-last",
        "Take back the last teardown or pull",
        "undo",
        &["z"],
        &[Services, Detail, Logs, History, Progress, Changes],
    ),
    spec(
        Action::UpdateRoutes,
        "update-ingress",
        "Plan the routes again, by what is there and the settings",
        "",
        &["I"],
        MAIN,
    ),
    spec(
        Action::Prune,
        "prune-expired",
        "Show the fate of all that outlived its time, to take it down",
        "",
        &["X"],
        MAIN,
    ),
    spec(
        Action::Import,
        "import",
        "Take a running set of objects into a definition",
        "",
        &[],
        MAIN,
    ),
    spec(
        Action::Claims,
        "claims",
        "Show all claims, those that nothing uses too",
        "claims",
        &["C"],
        MAIN,
    ),
    spec(
        Action::Forwards,
        "forwards",
        "Show the ports that are forwarded",
        "",
        &["F"],
        MAIN,
    ),
    spec(
        Action::Nodes,
        "nodes",
        "Show what is asked for of each node: processor, memory, GPUs",
        "",
        &["W"],
        MAIN,
    ),
    spec(
        Action::Release,
        "release",
        "Show the fate of the claims or volumes that it left, to release them",
        "release",
        &["x"],
        &[Claims],
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
        "Filter the list: words, state:failing, label:tier=web",
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
        "Tell of the field at the cursor; once more, show all keys",
        "help",
        &["F1"],
        &[Editor],
    ),
    spec(
        Action::Fold,
        "fold",
        "Fold what is below the selected object, or unfold it",
        "",
        &["space"],
        &[Detail],
    ),
    spec(
        Action::Mark,
        "mark",
        "Mark the row, for actions on several",
        "",
        &["space"],
        &[Services, History],
    ),
    spec(
        Action::ClearMarks,
        "clear-marks",
        "Take all marks off",
        "",
        &["M"],
        &[Services, History],
    ),
    spec(
        Action::PreviousLogs,
        "previous-logs",
        "Show the logs of the runs before the present ones",
        "",
        &["p"],
        &[Services, Detail, History],
    ),
    spec(
        Action::Sort,
        "sort",
        "Sort by the next column",
        "",
        &["o"],
        &[
            Services, Detail, History, Claims, Forwards, Nodes, Operations,
        ],
    ),
    spec(
        Action::ReverseSort,
        "reverse-sort",
        "Turn the order round",
        "",
        &["O"],
        &[
            Services, Detail, History, Claims, Forwards, Nodes, Operations,
        ],
    ),
    spec(
        Action::Copy,
        "copy",
        "Copy the URL or name of what is selected",
        "",
        &["y"],
        &[Services, Detail, History, Claims],
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
        "Show the operations under way and those started here",
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
        Action::ShowTab(Tab::Logs),
        "log-tab",
        "Show the logs",
        "",
        &["4"],
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
        Action::ShowTab(Tab::History),
        "history",
        "Show the history",
        "",
        &["7"],
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
        PLAIN,
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
        PLAIN,
    ),
    spec(Action::Up, "up", "Go a row up", "", &["k", "up"], PLAIN),
    spec(
        Action::Top,
        "top",
        "Go to the first row",
        "",
        &["g", "home"],
        PLAIN,
    ),
    spec(
        Action::Bottom,
        "bottom",
        "Go to the last row",
        "",
        &["G", "end"],
        PLAIN,
    ),
    spec(
        Action::HalfPageDown,
        "half-page-down",
        "Go half a page down",
        "",
        &["^d"],
        PLAIN,
    ),
    spec(
        Action::HalfPageUp,
        "half-page-up",
        "Go half a page up",
        "",
        &["^u"],
        PLAIN,
    ),
    spec(
        Action::ScrollDown,
        "scroll-down",
        "Scroll the lower part down",
        "",
        &["pgdn", "J"],
        PLAIN,
    ),
    spec(
        Action::ScrollUp,
        "scroll-up",
        "Scroll the lower part up",
        "",
        &["pgup", "K"],
        PLAIN,
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
    spec(Action::Quit, "quit", "Quit", "quit", &["q", "^c"], PLAIN),
];

impl Action {
    /// Tells whether it does something with what is there, and does not only move about in it: the menu lists these.
    pub fn is_deed(self) -> bool {
        !matches!(
            self,
            Self::Down
                | Self::Up
                | Self::Top
                | Self::Bottom
                | Self::HalfPageDown
                | Self::HalfPageUp
                | Self::ScrollDown
                | Self::ScrollUp
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

    /// Returns what is to be known of an action at a place; none where it cannot be asked for.
    pub fn spec_at(self, place: Place) -> Option<&'static ActionSpec> {
        SPECS
            .iter()
            .find(|spec| spec.action == self && spec.places.contains(&place))
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
