//! Which part of the text is on the screen: it follows the cursor.

/// Lines kept in sight above and below the cursor, where there is room.
const MARGIN: usize = 3;

/// The visible part: from which line and cell, and how large.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Viewport {
    /// The first visible line, from 0.
    pub top: usize,
    /// The first visible cell of every line, from 0.
    pub left: usize,
    /// How many lines are visible.
    pub height: usize,
    /// How many cells are visible, line numbers aside.
    pub width: usize,
}

impl Viewport {
    /// Returns the viewport of a size, moved as little as needed to show a line and a cell of a text of `n_lines`.
    ///
    /// Without a size (nothing was drawn yet) it stays where it is.
    pub fn showing(
        self,
        (line, cell): (usize, usize),
        n_lines: usize,
        (height, width): (usize, usize),
    ) -> Self {
        if height == 0 || width == 0 {
            return self;
        }
        Self {
            top: self.top_for(line, n_lines, height),
            left: self.left_for(cell, width),
            height,
            width,
        }
    }

    /// Returns the viewport so many lines further down a text of `n_lines`, or further up.
    pub fn scrolled_by(self, lines: isize, n_lines: usize) -> Self {
        let last_top = n_lines.saturating_sub(self.height);
        Self {
            top: self.top.saturating_add_signed(lines).min(last_top),
            ..self
        }
    }

    /// Returns the line (from 0) in its middle, where a cursor does not move it.
    pub fn middle(self) -> usize {
        self.top + self.height / 2
    }

    fn top_for(self, line: usize, n_lines: usize, height: usize) -> usize {
        let margin = MARGIN.min((height - 1) / 2);
        let last_top = n_lines.saturating_sub(height);
        let highest = (line + margin + 1).saturating_sub(height);
        let lowest = line.saturating_sub(margin);
        let is_far = line + height < self.top || line > self.top + 2 * height;
        let top = if is_far {
            line.saturating_sub(height / 2)
        } else {
            self.top.clamp(highest, lowest.max(highest))
        };
        top.min(last_top)
    }

    fn left_for(self, cell: usize, width: usize) -> usize {
        // Back to the margin if that shows the cursor, since that is where lines start: a match that was gone to before
        // may have been far behind it.
        if cell < width * 3 / 4 {
            return 0;
        }
        if cell < self.left {
            return cell - width / 2;
        }
        let furthest = self.left + width - 1;
        if cell > furthest {
            cell + width / 4 + 1 - width
        } else {
            self.left
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(view: (usize, usize), place: (usize, usize), expected: (usize, usize)) {
        let before = Viewport {
            top: view.0,
            left: view.1,
            height: 10,
            width: 20,
        };
        let after = before.showing(place, 100, (10, 20));
        assert_eq!((after.top, after.left), expected, "{place:?} from {view:?}");
    }

    #[test]
    fn the_view_moves_only_when_it_must() {
        check((0, 0), (5, 5), (0, 0));
        check((0, 0), (8, 0), (2, 0));
        check((20, 0), (21, 0), (18, 0));
        check((0, 0), (1, 0), (0, 0));
        check((85, 0), (99, 0), (90, 0));
    }

    #[test]
    fn a_far_place_comes_to_the_middle() {
        check((0, 0), (50, 0), (45, 0));
        check((80, 0), (50, 0), (45, 0));
    }

    #[test]
    fn long_lines_scroll_sideways_and_back() {
        check((0, 0), (0, 19), (0, 0));
        check((0, 0), (0, 20), (0, 6));
        check((0, 30), (0, 25), (0, 15));
        check((0, 30), (0, 10), (0, 0));
        check((0, 8), (0, 14), (0, 0));
        check((0, 8), (0, 15), (0, 8));
    }

    #[test]
    fn scrolling_stops_at_the_ends_and_keeps_the_view_with_a_cursor_in_its_middle() {
        for height in 1..12 {
            let scroll = |top: usize, lines: isize, n_lines: usize| {
                let view = Viewport {
                    top,
                    left: 0,
                    height,
                    width: 20,
                };
                let view = view.scrolled_by(lines, n_lines);
                let cursor = (view.middle(), 0);
                assert_eq!(view.showing(cursor, n_lines, (height, 20)), view);
                view.top
            };
            assert_eq!(scroll(0, 1, 100), 1);
            assert_eq!(scroll(5, -1, 100), 4);
            assert_eq!(scroll(5, 40, 100), 45);
            assert_eq!(scroll(3, -5, 100), 0);
            assert_eq!(scroll(85, isize::MAX, 100), 100 - height);
            assert_eq!(scroll(0, 1, 1), 0);
        }
    }

    #[test]
    fn without_a_size_nothing_moves() {
        let view = Viewport {
            top: 3,
            left: 4,
            height: 10,
            width: 20,
        };
        assert_eq!(view.showing((5, 99), 100, (0, 20)), view);
        assert_eq!(
            view.showing((5, 5), 10, (1, 1)),
            Viewport {
                top: 5,
                left: 5,
                height: 1,
                width: 1
            }
        );
    }
}
