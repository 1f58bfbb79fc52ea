//! The images of an instance, each once, and as one cell: the first, and how many more there are. Pure.

use std::collections::HashSet;

/// Returns the images, each where it is met first: many workloads may run the same.
pub fn distinct<'a>(
    images: impl IntoIterator<Item = &'a String>,
) -> impl Iterator<Item = &'a String> {
    let mut met = HashSet::new();
    let images = images.into_iter();
    images.filter(move |image| met.insert(image.as_str()))
}

/// Returns the images in short; nothing of none.
pub fn in_short<'a>(images: impl IntoIterator<Item = &'a String>) -> Option<String> {
    let mut images = distinct(images);
    let first = images.next()?;
    Some(match images.count() {
        0 => first.clone(),
        n => format!("{first} +{n}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_is_named_and_the_others_are_counted() {
        let all = ["nginx:1.27", "proxy:2", "nginx:1.27", "log:1"].map(str::to_owned);
        assert_eq!(in_short(&all[..0]), None);
        assert_eq!(in_short(&all[..1]).as_deref(), Some("nginx:1.27"));
        assert_eq!(in_short(&all).as_deref(), Some("nginx:1.27 +2"));
    }
}
