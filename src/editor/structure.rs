//! In which columns YAML goes on below given lines: what the lines open, and not how far a comment among them is indented.

use super::indent;

/// Only so many lines are looked at.
const MAX_LOOKED_AT: usize = 1000;

/// Returns the column for lines that are pasted at `cursor` below `above` (the nearest line first), where that ends with a
/// comment and the cursor stands in no column that the lines open; none where the cursor's own is right.
pub(super) fn column(
    above: impl Iterator<Item = String>,
    cursor: usize,
    text: &str,
    unit: usize,
) -> Option<usize> {
    let mut above = above
        .take(MAX_LOOKED_AT)
        .filter(|line| !line.trim().is_empty())
        .peekable();
    if !is_comment(above.peek()?) {
        return None;
    }
    let is_list = text
        .lines()
        .find(|line| !line.trim().is_empty() && !is_comment(line))
        .map(|line| line.trim_start())
        .is_some_and(|line| line == "-" || line.starts_with("- "));
    let columns = open_columns(above.filter(|line| !is_comment(line)), is_list, unit);
    if columns.contains(&cursor) {
        return None;
    }
    let deepest = columns.iter().filter(|column| **column < cursor).max();
    deepest.or(columns.iter().min()).copied()
}

/// Returns the columns in which something goes on below `above` (the nearest line first).
pub(super) fn columns(above: impl Iterator<Item = String>, unit: usize) -> Vec<usize> {
    let above: Vec<String> = read(above).collect();
    let mut columns = open_columns(above.iter().cloned(), false, unit);
    columns.extend(open_columns(above.into_iter(), true, unit));
    columns
}

/// Returns the column for a dash that is typed at `cursor` below `above` (the nearest line first), where no list can stand in
/// that of the cursor; none where it stays.
pub(super) fn dash_column(
    above: impl Iterator<Item = String>,
    cursor: usize,
    unit: usize,
) -> Option<usize> {
    let columns = open_columns(read(above), true, unit);
    if columns.contains(&cursor) {
        return None;
    }
    columns.into_iter().filter(|column| *column < cursor).max()
}

/// Returns the lines that tell something.
fn read(above: impl Iterator<Item = String>) -> impl Iterator<Item = String> {
    let above = above.take(MAX_LOOKED_AT);
    above.filter(|line| !line.trim().is_empty() && !is_comment(line))
}

/// Returns the columns in which a list, or else a mapping, may go on below lines, the nearest of which comes first.
fn open_columns(lines: impl Iterator<Item = String>, is_list: bool, unit: usize) -> Vec<usize> {
    let mut columns = Vec::new();
    let mut least = usize::MAX;
    for (n, line) in lines.enumerate() {
        let line = line.trim_end();
        if line.starts_with("---") || line.starts_with("...") {
            break;
        }
        let (dashes, content) = indent::split_dashes(line);
        let content = indent::without_comment(content).trim_end();
        // A dash alone opens as one before a value does.
        let is_dash = content == "-";
        if n == 0 && (is_dash || indent::opens_block(content)) {
            let opened = match is_dash {
                true => dashes.chars().count() + 2,
                false => indent::after(line, unit),
            };
            columns.push(opened);
        }
        let indentation = line.len() - line.trim_start_matches(' ').len();
        if indentation >= least {
            continue;
        }
        let at = dashes.char_indices().filter(|(_, c)| *c == '-');
        let mut dashes_at: Vec<usize> = at.map(|(at, _)| at).collect();
        if is_dash {
            dashes_at.push(dashes.chars().count());
        }
        let entry = (!is_dash).then(|| dashes.chars().count());
        match is_list {
            true => columns.extend(dashes_at.into_iter().filter(|at| *at < least)),
            false => columns.extend(entry.filter(|at| *at < least && is_entry(content))),
        }
        least = indentation;
        if least == 0 {
            break;
        }
    }
    if columns.is_empty() && !is_list {
        columns.push(0);
    }
    columns
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with('#')
}

fn is_entry(content: &str) -> bool {
    content.ends_with(':') || content.contains(": ")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks where a text that is pasted at a column below lines goes; none where it stays there.
    fn check(lines: &str, cursor: usize, text: &str, expected: Option<usize>) {
        let above: Vec<String> = lines.lines().rev().map(str::to_owned).collect();
        let column = column(above.into_iter(), cursor, text, 2);
        assert_eq!(column, expected, "{lines:?} {cursor} {text:?}");
    }

    const LIST: &str = "- name: b\n  image: y\n";
    const MAPPING: &str = "image: y\nname: b\n";

    #[test]
    fn list_below_a_comment_goes_where_the_key_above_opens_it() {
        check("containers:\n      # the main one\n", 6, LIST, Some(2));
        check("containers:\n# the main one\n", 1, LIST, Some(2));
        // Where the comment stands as the list would, nothing moves.
        check("containers:\n  # the main one\n", 2, LIST, None);
        check("a:\n  containers:\n        # deep\n\n", 8, LIST, Some(4));
    }

    #[test]
    fn list_below_a_comment_goes_on_with_the_list_above() {
        let flush = "containers:\n- name: a\n  image: x\n      # another\n";
        check(flush, 6, LIST, Some(0));
        let indented = "containers:\n  - name: a\n    image: x\n    # another\n";
        check(indented, 4, LIST, Some(2));
        let nested = "c:\n  - name: a\n    ports:\n      - 80\n      # or so\n";
        check(nested, 6, LIST, None);
        check(nested, 2, LIST, None);
        check(nested, 5, LIST, Some(2));
        check(nested, 9, LIST, Some(6));
        // A comment of its own before the list says nothing either.
        check(indented, 4, "# x\n- name: b\n", Some(2));
        check("a:\n  -\n      # x\n", 6, LIST, Some(4));
    }

    #[test]
    fn mapping_below_a_comment_goes_on_with_a_mapping_above() {
        check("name: web\n    # how many\n", 4, MAPPING, Some(0));
        check("  - name: a\n      # what runs\n", 6, MAPPING, Some(4));
        check("env:\n      # all\n", 6, MAPPING, Some(2));
        check("env:\n  A: b\n  # more\n", 2, MAPPING, None);
        check("---\n    # a document\n", 4, MAPPING, Some(0));
    }

    #[test]
    fn without_a_comment_above_the_cursor_is_right() {
        check("containers:\n", 6, LIST, None);
        check("containers: # all of them\n", 6, LIST, None);
        check("", 4, LIST, None);
        // Nothing above opens a list: nobody knows better.
        check("# only a comment\n", 4, LIST, None);
    }
}
