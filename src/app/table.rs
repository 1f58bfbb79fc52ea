//! Tables as values: rows with typed cells, sorted and filtered before they are drawn, with a selection that keeps to its key.

use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::hash::{DefaultHasher, Hash, Hasher};

use jiff::Timestamp;

use crate::app::input::Input;
use crate::service::health::State;

use super::filter::{Filter, FuzzyMatcher};

/// What stands in a cell.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// A text.
    Text(String),
    /// A text that is ordered by a number.
    Number(u64, String),
    /// The age of what began then.
    Age(Timestamp),
    /// The time left until then.
    Until(Timestamp),
    /// A state, with what is going on beside it.
    State(State),
    /// A text that tells of trouble.
    Bad(String),
    /// Nothing is known or applies.
    Missing,
}

impl Value {
    /// Returns a text, or [`Value::Missing`] for none.
    pub fn of(text: Option<impl Into<String>>) -> Self {
        text.map_or(Self::Missing, |text| Self::Text(text.into()))
    }

    /// Returns a number shown as it is.
    pub fn count(number: u32) -> Self {
        Self::Number(number.into(), number.to_string())
    }

    fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) | Self::Bad(text) => Some(text),
            Self::Number(..) | Self::Age(_) | Self::Until(_) | Self::State(_) | Self::Missing => {
                None
            }
        }
    }

    /// Returns the words that a filter goes by: of what is ordered by a number those that it is shown as.
    fn words(&self) -> Option<&str> {
        match self {
            Self::Number(_, shown) if shown.contains(char::is_alphabetic) => Some(shown),
            other => other.text(),
        }
    }

    /// What is missing comes last in ascending order.
    fn compare(&self, other: &Self) -> Ordering {
        let rank = |value: &Self| match value {
            Self::Number(..) => 0,
            Self::Text(_) | Self::Bad(_) => 1,
            Self::Age(_) => 2,
            Self::Until(_) => 3,
            Self::State(_) => 4,
            Self::Missing => 5,
        };
        match (self, other) {
            (Self::Number(a, _), Self::Number(b, _)) => a.cmp(b),
            // The youngest first, as the smallest age.
            (Self::Age(a), Self::Age(b)) => b.cmp(a),
            (Self::Until(a), Self::Until(b)) => a.cmp(b),
            (Self::State(a), Self::State(b)) => a.cmp(b),
            (a, b) => match (a.text(), b.text()) {
                (Some(a), Some(b)) => a.cmp(b),
                _ => rank(a).cmp(&rank(b)),
            },
        }
    }
}

/// A column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Column {
    /// Its title.
    pub title: &'static str,
    /// The larger, the earlier it is left out where there is no room; 0 never is.
    pub rank: u8,
    /// Whether it is aligned right, as numbers are.
    pub is_right: bool,
    /// Widest that it grows, in cells.
    pub max: u16,
    /// Whether it is left out where no row has a value for it.
    pub is_optional: bool,
}

impl Column {
    /// Returns a column of texts.
    pub const fn text(title: &'static str, rank: u8, max: u16) -> Self {
        Self {
            title,
            rank,
            is_right: false,
            max,
            is_optional: false,
        }
    }

    /// Returns the column, left out where no row has a value for it.
    pub const fn optional(self) -> Self {
        Self {
            is_optional: true,
            ..self
        }
    }

    /// Returns a column of numbers.
    pub const fn number(title: &'static str, rank: u8) -> Self {
        Self {
            title,
            rank,
            is_right: true,
            max: 12,
            is_optional: false,
        }
    }
}

/// What tells a row from the others of its table, whatever its key is: for those who point at a picture of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowMark(u64);

impl RowMark {
    /// Returns the mark of the row with a key.
    pub fn of(key: &impl Hash) -> Self {
        let mut hasher = DefaultHasher::new();
        key.hash(&mut hasher);
        Self(hasher.finish())
    }
}

/// The filter of the rows in front while it is typed.
#[derive(Debug, Clone, Default)]
pub struct RowFilter {
    /// What is typed.
    pub input: Input,
    /// The row that was selected before.
    pub(super) before: Option<RowMark>,
}

/// A row.
#[derive(Debug, Clone, PartialEq)]
pub struct Row<K> {
    /// What identifies it.
    pub key: K,
    /// One value a column.
    pub cells: Vec<Value>,
}

/// The order of a table's rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sort {
    /// Index of the column.
    pub column: usize,
    /// Whether the largest comes first.
    pub is_descending: bool,
}

/// A table.
#[derive(Debug, Clone)]
pub struct Table<K> {
    columns: &'static [Column],
    all: Vec<Row<K>>,
    /// Indices of the rows that pass the filter, in order.
    shown: Vec<usize>,
    sort: Sort,
    filter_text: String,
    selected: Option<K>,
    /// Whether the selection is of the user; until then it is on the first row, whichever that is.
    is_held: bool,
    /// Where the selected row was last, for when it goes.
    last_idx: usize,
    marks: BTreeSet<K>,
}

impl<K: Clone + Ord> Table<K> {
    /// Returns an empty table.
    pub fn new(columns: &'static [Column], sort: Sort) -> Self {
        Self {
            columns,
            all: Vec::new(),
            shown: Vec::new(),
            sort,
            filter_text: String::new(),
            selected: None,
            is_held: false,
            last_idx: 0,
            marks: BTreeSet::new(),
        }
    }

    /// Takes the rows there are now. Selection and marks stay with their keys; marks of rows that are gone go.
    pub fn set_rows(&mut self, rows: Vec<Row<K>>) {
        self.all = rows;
        if !self.marks.is_empty() {
            let keys: BTreeSet<&K> = self.all.iter().map(|row| &row.key).collect();
            self.marks.retain(|key| keys.contains(key));
        }
        self.arrange();
    }

    /// Shows only rows that pass a filter.
    pub fn set_filter(&mut self, text: &str) {
        if self.filter_text != text {
            text.clone_into(&mut self.filter_text);
            self.arrange();
        }
    }

    /// Returns the filter that rows pass to be shown; empty where there is none.
    pub fn filter(&self) -> &str {
        &self.filter_text
    }

    /// Returns how many rows there are, shown or not.
    pub fn n_all(&self) -> usize {
        self.all.len()
    }

    /// Sorts by the next column that is there.
    pub fn sort_by_next(&mut self) {
        let n_columns = self.columns.len().max(1);
        for _ in 0..n_columns {
            self.sort.column = (self.sort.column + 1) % n_columns;
            if !self.is_left_out(self.sort.column) {
                break;
            }
        }
        self.sort.is_descending = false;
        self.arrange();
    }

    /// Sorts by a column, or turns the order round where it is sorted by that already.
    pub fn sort_by(&mut self, column: usize) {
        if self.sort.column == column {
            return self.reverse();
        }
        let is_descending = false;
        self.sort = Sort {
            column,
            is_descending,
        };
        self.arrange();
    }

    /// Turns the order round.
    pub fn reverse(&mut self) {
        self.sort.is_descending = !self.sort.is_descending;
        self.arrange();
    }

    /// Tells whether a column is left out because no row has a value for it.
    fn is_left_out(&self, column: usize) -> bool {
        let is_missing =
            |row: &Row<K>| matches!(row.cells.get(column), None | Some(Value::Missing));
        let is_optional = self.columns.get(column).is_some_and(|it| it.is_optional);
        is_optional && self.all.iter().all(is_missing)
    }

    fn arrange(&mut self) {
        let filter = Filter::parse(&self.filter_text);
        let mut matcher = FuzzyMatcher::default();
        let passes = |row: &Row<K>, matcher: &mut FuzzyMatcher| {
            let state = row.cells.iter().find_map(|value| match value {
                Value::State(state) => Some(state.as_str()),
                _ => None,
            });
            filter.matches(matcher, state, row.cells.iter().filter_map(Value::words))
        };
        self.shown = (0..self.all.len())
            .filter(|&idx| filter.is_empty() || passes(&self.all[idx], &mut matcher))
            .collect();
        let (all, sort) = (&self.all, self.sort);
        self.shown.sort_by(|&a, &b| {
            let (a, b) = (&all[a], &all[b]);
            let by_column = match (a.cells.get(sort.column), b.cells.get(sort.column)) {
                // What is missing stays last either way.
                (Some(x @ Value::Missing), Some(y)) | (Some(x), Some(y @ Value::Missing)) => {
                    x.compare(y)
                }
                (Some(x), Some(y)) if sort.is_descending => y.compare(x),
                (Some(x), Some(y)) => x.compare(y),
                _ => Ordering::Equal,
            };
            by_column.then_with(|| a.key.cmp(&b.key))
        });
        self.follow_selection();
    }

    /// Keeps the selection on its row, or where that is gone on the row that took its place.
    fn follow_selection(&mut self) {
        if !self.is_held {
            return self.select_at(0);
        }
        let found = self
            .selected
            .as_ref()
            .and_then(|key| self.shown.iter().position(|&idx| self.all[idx].key == *key));
        match found {
            Some(at) => self.last_idx = at,
            None => self.select_at(self.last_idx),
        }
    }

    fn select_at(&mut self, at: usize) {
        let at = at.min(self.shown.len().saturating_sub(1));
        self.selected = self.shown.get(at).map(|&idx| self.all[idx].key.clone());
        if !self.shown.is_empty() {
            self.last_idx = at;
        }
    }

    /// Moves the selection by so many rows, to an end at most; from then on it is the user's.
    pub fn move_by(&mut self, rows: isize) {
        self.is_held = true;
        self.select_at(self.last_idx.saturating_add_signed(rows));
    }

    /// Selects a row by its key; tells whether it is there.
    pub fn select(&mut self, key: &K) -> bool {
        let found = self.shown.iter().position(|&idx| self.all[idx].key == *key);
        if let Some(at) = found {
            self.select_at(at);
        }
        found.is_some()
    }

    /// Selects the row that was pointed at, and keeps to it; where it is gone the selection stays.
    pub fn select_marked(&mut self, mark: RowMark)
    where
        K: Hash,
    {
        let mut keys = self.shown.iter().map(|&idx| &self.all[idx].key);
        if let Some(at) = keys.position(|key| RowMark::of(key) == mark) {
            self.is_held = true;
            self.select_at(at);
        }
    }

    /// Lets the selection go with a row that will bear another key from the next rows on.
    pub fn rename_selected(&mut self, key: K) {
        self.selected = Some(key);
    }

    /// Keeps the selection on its row from now on.
    pub fn hold(&mut self) {
        self.is_held = true;
    }

    /// Forgets the selection and the filter: rows of something else come.
    pub fn release(&mut self) {
        self.set_filter("");
        (self.is_held, self.selected, self.last_idx) = (false, None, 0);
    }

    /// Marks the selected row or takes its mark off, and goes on to the next.
    pub fn toggle_mark(&mut self) {
        if let Some(key) = self.selected.clone() {
            if !self.marks.remove(&key) {
                self.marks.insert(key);
            }
            self.move_by(1);
        }
    }

    /// Takes all marks off.
    pub fn clear_marks(&mut self) {
        self.marks.clear();
    }

    /// Returns the columns.
    pub fn columns(&self) -> &'static [Column] {
        self.columns
    }

    /// Returns the order.
    pub fn sort(&self) -> Sort {
        self.sort
    }

    /// Returns the rows that are shown, in order.
    pub fn rows(&self) -> impl ExactSizeIterator<Item = &Row<K>> {
        self.shown.iter().map(|&idx| &self.all[idx])
    }

    /// Returns the key of the selected row.
    pub fn selected(&self) -> Option<&K> {
        self.selected.as_ref()
    }

    /// Returns where the selected row is among those shown.
    pub fn selected_idx(&self) -> Option<usize> {
        self.selected.as_ref().map(|_| self.last_idx)
    }

    /// Returns the selected row.
    pub fn selected_row(&self) -> Option<&Row<K>> {
        let idx = *self.shown.get(self.selected_idx()?)?;
        self.all.get(idx)
    }

    /// Returns the marked keys.
    pub fn marks(&self) -> &BTreeSet<K> {
        &self.marks
    }
}

/// What a key or a click does to a table, whatever identifies its rows.
pub(super) trait AnyTable {
    /// Tells whether the row that was pointed at is the selected one.
    fn is_selected(&self, mark: RowMark) -> bool;
    /// Returns the mark of the selected row.
    fn selected_mark(&self) -> Option<RowMark>;
    /// Moves the selection, see [`Table::move_by`].
    fn move_by(&mut self, rows: isize);
    /// Selects what was pointed at, see [`Table::select_marked`].
    fn select_marked(&mut self, mark: RowMark);
    /// Sorts by the next column, see [`Table::sort_by_next`].
    fn sort_by_next(&mut self);
    /// Sorts by the column whose title was pointed at, see [`Table::sort_by`].
    fn sort_by(&mut self, column: usize);
    /// Turns the order round, see [`Table::reverse`].
    fn reverse(&mut self);
    /// Returns the filter, see [`Table::filter`].
    fn filter(&self) -> &str;
    /// Shows only rows that pass a filter, see [`Table::set_filter`].
    fn set_filter(&mut self, text: &str);
}

impl<K: Clone + Ord + Hash> AnyTable for Table<K> {
    fn is_selected(&self, mark: RowMark) -> bool {
        self.selected_mark() == Some(mark)
    }

    fn selected_mark(&self) -> Option<RowMark> {
        self.selected().map(RowMark::of)
    }

    fn move_by(&mut self, rows: isize) {
        Table::move_by(self, rows);
    }

    fn select_marked(&mut self, mark: RowMark) {
        Table::select_marked(self, mark);
    }

    fn sort_by_next(&mut self) {
        Table::sort_by_next(self);
    }

    fn sort_by(&mut self, column: usize) {
        Table::sort_by(self, column);
    }

    fn reverse(&mut self) {
        Table::reverse(self);
    }

    fn filter(&self) -> &str {
        Table::filter(self)
    }

    fn set_filter(&mut self, text: &str) {
        Table::set_filter(self, text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COLUMNS: &[Column] = &[Column::text("ID", 0, 20), Column::number("N", 1)];

    fn table(rows: &[(&'static str, u32)]) -> Table<&'static str> {
        let mut table = Table::new(COLUMNS, Sort::default());
        table.set_rows(rows_of(rows));
        table
    }

    fn rows_of(rows: &[(&'static str, u32)]) -> Vec<Row<&'static str>> {
        rows.iter()
            .map(|&(key, n)| Row {
                key,
                cells: vec![Value::Text(key.to_owned()), Value::count(n)],
            })
            .collect()
    }

    fn keys(table: &Table<&'static str>) -> Vec<&'static str> {
        table.rows().map(|row| row.key).collect()
    }

    #[test]
    fn selection_stays_with_its_key_while_rows_move() {
        let mut table = table(&[("b", 1), ("d", 2)]);
        table.move_by(1);
        table.set_rows(rows_of(&[("a", 1), ("b", 1), ("c", 1), ("d", 2)]));
        assert_eq!(
            (table.selected(), table.selected_idx()),
            (Some(&"d"), Some(3))
        );
    }

    #[test]
    fn row_that_is_pointed_at_is_found_wherever_it_is_by_then() {
        let mut table = table(&[("b", 1), ("d", 2)]);
        let mark = RowMark::of(&"b");
        table.move_by(1);
        table.set_rows(rows_of(&[("a", 1), ("b", 1), ("d", 2)]));
        table.select_marked(mark);
        assert_eq!(
            (table.selected(), table.selected_idx()),
            (Some(&"b"), Some(1))
        );
        // One that is gone is not another one.
        table.set_rows(rows_of(&[("a", 1), ("d", 2)]));
        table.move_by(-2);
        table.select_marked(mark);
        assert_eq!(table.selected(), Some(&"a"));
    }

    #[test]
    fn order_goes_on_to_the_next_column_that_is_there() {
        const COLUMNS: &[Column] = &[
            Column::text("ID", 0, 20),
            Column::text("NAMESPACE", 0, 20).optional(),
            Column::number("N", 1),
        ];
        let mut table = Table::new(COLUMNS, Sort::default());
        let row = |namespace| Row {
            key: "a",
            cells: vec![Value::count(1), Value::of(namespace), Value::count(1)],
        };
        table.set_rows(vec![row(None::<&str>)]);
        table.sort_by_next();
        assert_eq!(table.sort().column, 2);
        table.set_rows(vec![row(Some("team-a"))]);
        table.sort_by_next();
        table.sort_by_next();
        assert_eq!(table.sort().column, 1);
    }

    #[test]
    fn selection_of_a_row_that_goes_falls_to_its_neighbour() {
        let mut table = table(&[("a", 1), ("b", 1), ("c", 1)]);
        table.move_by(1);
        table.set_rows(rows_of(&[("a", 1), ("c", 1)]));
        assert_eq!(table.selected(), Some(&"c"));
        table.set_rows(Vec::new());
        assert_eq!(table.selected(), None);
    }

    #[test]
    fn rows_are_sorted_by_any_column_both_ways() {
        let mut table = table(&[("a", 2), ("b", 10), ("c", 1)]);
        table.sort_by_next();
        assert_eq!(keys(&table), ["c", "a", "b"]);
        table.reverse();
        assert_eq!(keys(&table), ["b", "a", "c"]);
    }

    #[test]
    fn marks_go_with_their_rows() {
        let mut table = table(&[("a", 1), ("b", 1)]);
        table.toggle_mark();
        table.toggle_mark();
        assert_eq!(table.marks().len(), 2);
        table.set_rows(rows_of(&[("b", 1)]));
        assert_eq!(table.marks().iter().copied().collect::<Vec<_>>(), ["b"]);
    }

    #[test]
    fn filter_hides_rows_and_keeps_the_selection_among_the_rest() {
        let mut table = table(&[("web", 1), ("worker", 1), ("db", 1)]);
        table.set_filter("wo");
        assert_eq!(keys(&table), ["worker"]);
        assert_eq!(table.selected(), Some(&"worker"));
    }
}
