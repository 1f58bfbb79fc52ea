//! A command as the words that a shell would make of it: quotes and backslashes, and nothing else of a shell.

/// Returns the words; none where a quote or a backslash is without its end.
pub(super) fn words(text: &str) -> Option<Vec<String>> {
    let (mut words, mut word) = (Vec::new(), None::<String>);
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' | '\n' | '\r' => words.extend(word.take()),
            '\'' => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next()? {
                        '\'' => break,
                        c => word.push(c),
                    }
                }
            }
            '"' => quoted(&mut chars, word.get_or_insert_default())?,
            '\\' => word.get_or_insert_default().push(chars.next()?),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    Some(words)
}

/// Reads up to the closing quote. A backslash only escapes what would have a meaning there.
fn quoted(chars: &mut impl Iterator<Item = char>, word: &mut String) -> Option<()> {
    loop {
        match chars.next()? {
            '"' => return Some(()),
            '\\' => match chars.next()? {
                c @ ('"' | '\\' | '$' | '`') => word.push(c),
                c => word.extend(['\\', c]),
            },
            c => word.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_split_as_by_a_shell() {
        let check = |text: &str, expected: Option<&[&str]>| {
            let expected = expected.map(|words| words.iter().map(|it| (*it).to_owned()).collect());
            assert_eq!(words(text), expected, "{text}");
        };
        check("", Some(&[]));
        check("  vi \t-n ", Some(&["vi", "-n"]));
        check("'/my editor' --wait", Some(&["/my editor", "--wait"]));
        check(
            r#""/my editor" -c "a \"b\" \n""#,
            Some(&["/my editor", "-c", r#"a "b" \n"#]),
        );
        check(r"/my\ editor", Some(&["/my editor"]));
        check("vi ''", Some(&["vi", ""]));
        check("a'b'\"c\"d", Some(&["abcd"]));
        check(
            "$HOME `x` $(y) ; | > z",
            Some(&["$HOME", "`x`", "$(y)", ";", "|", ">", "z"]),
        );
        check("vi 'x", None);
        check("vi \"x", None);
        check("vi \\", None);
    }
}
