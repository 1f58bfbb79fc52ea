//! Names in a sentence: the first of many, so that it stays one.

/// Returns the first names, at most so many, and how many more there are: `a, b and 3 more`.
pub fn first<T: AsRef<str>>(names: &[T], most: usize) -> String {
    let shown: Vec<&str> = names.iter().take(most).map(AsRef::as_ref).collect();
    let shown = shown.join(", ");
    match names.len().saturating_sub(most) {
        0 => shown,
        n => format!("{shown} and {n} more"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_are_named_and_the_rest_is_counted() {
        let told = |n: usize| first(&["a", "b", "c", "d"][..n], 2);
        assert_eq!([0, 1, 2, 4].map(told), ["", "a", "a, b", "a, b and 2 more"]);
    }
}
