//! Values of parameters as they are typed: KEY=VALUE, several with spaces between, quotes around what holds spaces.

use std::collections::BTreeMap;

/// Reads what was typed.
///
/// # Errors
/// Why it says nothing.
pub(super) fn read(text: &str) -> Result<BTreeMap<String, String>, String> {
    let words = words(text)?.into_iter();
    let values = words.map(|word| match word.split_once('=') {
        Some((key, value)) if !key.is_empty() => Ok((key.to_owned(), value.to_owned())),
        _ => Err(format!("{word} is no KEY=VALUE")),
    });
    values.collect()
}

/// Writes values so that they are read again as they are, here and by a shell; each behind a flag if there is one.
pub(super) fn write(values: &BTreeMap<String, String>, flag: &str) -> String {
    let words = values
        .iter()
        .map(|(key, value)| format!("{flag}{}", quoted(&format!("{key}={value}"))));
    words.collect::<Vec<_>>().join(" ")
}

/// Returns a word as a shell takes it for one.
pub(super) fn quoted(text: &str) -> String {
    match !text.is_empty() && text.chars().all(super::log::is_plain) {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', r"'\''")),
    }
}

fn words(text: &str) -> Result<Vec<String>, String> {
    let (mut words, mut word) = (Vec::new(), None::<String>);
    let (mut quote, mut chars) = (None, text.chars());
    while let Some(c) = chars.next() {
        match (quote, c) {
            (None, ' ' | '\t') => words.extend(word.take()),
            (None, '\'' | '"') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (Some(open), c) if c == open => quote = None,
            (None | Some('"'), '\\') => match chars.next() {
                Some(next) => word.get_or_insert_default().push(next),
                None => return Err("nothing follows the last \\".to_owned()),
            },
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    if quote.is_some() {
        return Err("a quote is not closed".to_owned());
    }
    words.extend(word);
    Ok(words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_a_shell_would_and_written_back() {
        let check = |text: &str, expected: Result<&[(&str, &str)], &str>| {
            let expected = expected.map_err(str::to_owned).map(|pairs| {
                let pairs = pairs.iter();
                let pairs = pairs.map(|(key, value)| ((*key).to_owned(), (*value).to_owned()));
                pairs.collect::<BTreeMap<_, _>>()
            });
            let read = read(text);
            assert_eq!(read, expected, "{text}");
            if let Ok(values) = &read {
                assert_eq!(super::read(&write(values, "")), read, "{text}");
            }
        };
        check("", Ok(&[]));
        check("size=large", Ok(&[("size", "large")]));
        check(
            " size=large  'greeting=good day' x=",
            Ok(&[("greeting", "good day"), ("size", "large"), ("x", "")]),
        );
        check(
            r#"a="it's \"b\"" c=\ d"#,
            Ok(&[("a", "it's \"b\""), ("c", " d")]),
        );
        check("size", Err("size is no KEY=VALUE"));
        check("=x", Err("=x is no KEY=VALUE"));
        check("a='b", Err("a quote is not closed"));
        let one = BTreeMap::from([("a".to_owned(), "b c".to_owned())]);
        assert_eq!(write(&one, "--set "), "--set 'a=b c'");
    }
}
