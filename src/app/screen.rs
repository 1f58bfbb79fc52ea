//! What stands in front of the services list, and what drawing told of it.

use jiff::Timestamp;

use super::panes::adjust::AdjustPane;
use super::panes::adopt::AdoptPane;
use super::panes::bulk::BulkPane;
use super::panes::comparison::ComparisonPane;
use super::panes::editor::EditorPane;
use super::panes::merge::MergePane;
use super::panes::progress::ProgressPane;
use super::panes::pull::PullPane;
use super::panes::review::ReviewPane;
use super::panes::routes::RoutesPane;
use super::panes::teardown::TeardownPane;
use super::search::Found;

/// Columns and rows of the smallest picture; smaller terminals get one line that says so.
pub const MIN_SIZE: (u16, u16) = (40, 10);

/// Which part of the first screen takes the keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Focus {
    /// The services list.
    Services,
    /// The detail below.
    Detail,
}

/// What stands in front of the services list.
#[derive(Debug, Clone)]
pub enum Screen {
    /// The detail of the selected instance alone.
    Detail,
    /// The editor.
    Editor(Box<EditorPane>),
    /// The review of a plan.
    Review(Box<ReviewPane>),
    /// The fate table.
    Teardown(Box<TeardownPane>),
    /// The plan of a scale or a restart.
    Adjust(Box<AdjustPane>),
    /// The plan of an adoption.
    Adopt(Box<AdoptPane>),
    /// The plans of several deploys.
    Bulk(Box<BulkPane>),
    /// The plans of routes.
    Routes(Box<RoutesPane>),
    /// The plan of a pull.
    Pull(Box<PullPane>),
    /// What differs between two revisions.
    Comparison(Box<ComparisonPane>),
    /// The text of the editor below, merged with another that became of the same.
    Merge(Box<MergePane>),
    /// What others changed in the selected instance.
    Changes {
        /// The first line that is shown.
        scroll: usize,
    },
    /// All claims.
    Claims,
    /// The ports that are forwarded.
    Forwards,
    /// The nodes.
    Nodes,
    /// The operations under way, and those that were started here.
    Operations,
    /// The progress of operations.
    Progress(Box<ProgressPane>),
    /// The command log.
    Log {
        /// Which entry is selected, the newest being 0.
        selected: usize,
    },
}

/// Returns how far a page goes of what so many rows of are in sight: one of them stays so.
pub(super) fn page_of(n_rows: usize) -> isize {
    isize::try_from(n_rows.saturating_sub(1))
        .unwrap_or(1)
        .max(1)
}

/// Returns how far half a page goes.
pub(super) fn half_page_of(n_rows: usize) -> isize {
    isize::try_from(n_rows / 2).unwrap_or(1).max(1)
}

/// What drawing told: sizes that moving needs, and when the picture changes by itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Geometry {
    /// Rows of the list in front.
    pub list_height: usize,
    /// Rows of the menu or the help in front.
    pub popup_height: usize,
    /// Lines of the progress, the plan or the help in front.
    pub n_lines: usize,
    /// Where one is in the text in front.
    pub found: Option<Found>,
    /// The first line of each operation whose progress is in front.
    pub starts: Vec<usize>,
    /// The first line of the log that was drawn, and how many there was room for.
    pub logs: (usize, usize),
    /// How many cells of the longest line of the log in sight are beyond the right border.
    pub log_overhang: usize,
    /// How many cells of each line of the log are in sight: of those with the longest name before them.
    pub log_room: usize,
    /// Height and width of the editor's text.
    pub editor: Option<(usize, usize)>,
    /// How many lines of the difference in front its part has no room for: it scrolls no further.
    pub n_beyond: usize,
    /// Rows of what is to be known before a plan, and how many of its lines these have no room for: it scrolls no further.
    pub notices: (usize, usize),
    /// Rows of the difference that is shown with what is edited or planned; 0 where none is.
    pub difference: usize,
    /// Height and width of the definition's text in its tab.
    pub definition: Option<(usize, usize)>,
    /// When the first of the ages on the screen changes its text.
    pub next_age: Option<Timestamp>,
}
