//! Label selectors as people write them, in kubectl's syntax, checked before anything is asked of a server. Pure.
//!
//! An empty one is refused: it would choose everything, which nobody should delete by leaving something out.

use std::fmt;
use std::str::FromStr;

const MAX_NAME: usize = 63;
const MAX_PREFIX: usize = 253;

/// Requirements that labels meet, all of them.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct LabelSelector {
    requirements: Vec<Requirement>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Requirement {
    key: String,
    test: Test,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Test {
    Is(String),
    IsNot(String),
    In(Vec<String>),
    NotIn(Vec<String>),
    Exists,
    IsAbsent,
    /// The value is a whole number above this one.
    Above(u64),
    /// The value is a whole number below this one.
    Below(u64),
}

/// Why a text is no selector.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SelectorError {
    /// Nothing is required.
    #[error("an empty selector would choose everything: name labels, such as tier=web")]
    Empty,
    /// A comma with nothing before or behind it.
    #[error("nothing stands between two commas, or at one end")]
    EmptyRequirement,
    /// Something else than a requirement.
    #[error(
        "{0:?} is no requirement: write k=v, k!=v, k in (a,b), k notin (a,b), k, !k, k>3 or k<3"
    )]
    Requirement(String),
    /// A parenthesis without its other half.
    #[error("a parenthesis is not closed, or was never opened")]
    Parenthesis,
    /// No legal key of a label.
    #[error(
        "{0:?} is no key of a label: at most 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends, behind \
         a prefix such as example.com/ if need be"
    )]
    Key(String),
    /// No legal value of a label.
    #[error(
        "{0:?} is no value of a label: at most 63 letters, digits, '-', '_' and '.', with a letter or digit at both ends"
    )]
    Value(String),
    /// No whole number where one is compared with.
    #[error("{0:?} is no whole number: > and < compare with one")]
    Number(String),
}

impl FromStr for LabelSelector {
    type Err = SelectorError;

    fn from_str(text: &str) -> Result<Self, SelectorError> {
        if text.trim().is_empty() {
            return Err(SelectorError::Empty);
        }
        let requirements = terms(text)?.into_iter().map(requirement);
        Ok(Self {
            requirements: requirements.collect::<Result<_, _>>()?,
        })
    }
}

impl fmt::Display for LabelSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (idx, Requirement { key, test }) in self.requirements.iter().enumerate() {
            if idx > 0 {
                f.write_str(",")?;
            }
            match test {
                Test::Is(value) => write!(f, "{key}={value}")?,
                Test::IsNot(value) => write!(f, "{key}!={value}")?,
                Test::In(values) => write!(f, "{key} in ({})", values.join(","))?,
                Test::NotIn(values) => write!(f, "{key} notin ({})", values.join(","))?,
                Test::Exists => f.write_str(key)?,
                Test::IsAbsent => write!(f, "!{key}")?,
                Test::Above(number) => write!(f, "{key}>{number}")?,
                Test::Below(number) => write!(f, "{key}<{number}")?,
            }
        }
        Ok(())
    }
}

/// Takes a text apart at the commas that stand outside of parentheses.
fn terms(text: &str) -> Result<Vec<&str>, SelectorError> {
    let (mut terms, mut begin, mut is_inside) = (Vec::new(), 0, false);
    for (at, c) in text.char_indices() {
        match c {
            '(' if !is_inside => is_inside = true,
            ')' if is_inside => is_inside = false,
            '(' | ')' => return Err(SelectorError::Parenthesis),
            ',' if !is_inside => {
                terms.push(&text[begin..at]);
                begin = at + 1;
            }
            _ => {}
        }
    }
    if is_inside {
        return Err(SelectorError::Parenthesis);
    }
    terms.push(&text[begin..]);
    Ok(terms)
}

fn requirement(term: &str) -> Result<Requirement, SelectorError> {
    let term = term.trim();
    if term.is_empty() {
        return Err(SelectorError::EmptyRequirement);
    }
    if let Some(absent) = term.strip_prefix('!') {
        return Ok(Requirement {
            key: key(absent.trim())?,
            test: Test::IsAbsent,
        });
    }
    let end = term.find(|c: char| c.is_whitespace() || "=!(<>".contains(c));
    let (name, rest) = term.split_at(end.unwrap_or(term.len()));
    let rest = rest.trim_start();
    let test = if rest.is_empty() {
        Test::Exists
    } else if let Some(unequal) = rest.strip_prefix("!=") {
        Test::IsNot(value(unequal)?)
    } else if let Some(equal) = rest.strip_prefix("==").or_else(|| rest.strip_prefix('=')) {
        Test::Is(value(equal)?)
    } else if let Some(above) = rest.strip_prefix('>') {
        Test::Above(number(above)?)
    } else if let Some(below) = rest.strip_prefix('<') {
        Test::Below(number(below)?)
    } else if let Some(list) = rest.strip_prefix("notin").and_then(list) {
        Test::NotIn(values(list)?)
    } else if let Some(list) = rest.strip_prefix("in").and_then(list) {
        Test::In(values(list)?)
    } else {
        return Err(SelectorError::Requirement(term.to_owned()));
    };
    Ok(Requirement {
        key: key(name)?,
        test,
    })
}

fn list(text: &str) -> Option<&str> {
    text.trim().strip_prefix('(')?.strip_suffix(')')
}

fn values(list: &str) -> Result<Vec<String>, SelectorError> {
    list.split(',').map(value).collect()
}

fn key(text: &str) -> Result<String, SelectorError> {
    let is_legal = match text.split_once('/') {
        Some((prefix, name)) => is_subdomain(prefix) && is_name(name),
        None => is_name(text),
    };
    if is_legal {
        Ok(text.to_owned())
    } else {
        Err(SelectorError::Key(text.to_owned()))
    }
}

fn value(text: &str) -> Result<String, SelectorError> {
    let text = text.trim();
    if text.is_empty() || is_name(text) {
        Ok(text.to_owned())
    } else {
        Err(SelectorError::Value(text.to_owned()))
    }
}

/// Reads a number as servers take it: what is compared is a label's value, which bears no sign.
fn number(text: &str) -> Result<u64, SelectorError> {
    let text = text.trim();
    let is_digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let number = text
        .parse()
        .ok()
        .filter(|it| is_digits && *it <= i64::MAX.unsigned_abs());
    number.ok_or_else(|| SelectorError::Number(text.to_owned()))
}

fn is_name(text: &str) -> bool {
    let is_end = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    let bytes = text.as_bytes();
    bytes.len() <= MAX_NAME
        && is_end(bytes.first())
        && is_end(bytes.last())
        && bytes
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(byte))
}

fn is_subdomain(text: &str) -> bool {
    text.len() <= MAX_PREFIX
        && text
            .split('.')
            .all(|label| crate::definition::id::is_dns_label(label, MAX_PREFIX))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn check(text: &str, expected: Result<&str, SelectorError>) {
        let parsed = text.parse::<LabelSelector>();
        let parsed = parsed.map(|selector| selector.to_string());
        assert_eq!(parsed, expected.map(str::to_owned), "{text:?}");
    }

    #[test]
    fn every_operator_is_read() {
        check("tier=web", Ok("tier=web"));
        check("tier == web", Ok("tier=web"));
        check("tier=", Ok("tier="));
        check("tier != web", Ok("tier!=web"));
        check("tier in (web, db)", Ok("tier in (web,db)"));
        check("tier in(web)", Ok("tier in (web)"));
        check("tier  notin  ( web,db )", Ok("tier notin (web,db)"));
        check("example.com/tier", Ok("example.com/tier"));
        check("! tier", Ok("!tier"));
        check("size>3", Ok("size>3"));
        check("size < 10, a", Ok("size<10,a"));
        check("inner,notinner!=in", Ok("inner,notinner!=in"));
        check("a=b, c in (d,e) ,!f,g", Ok("a=b,c in (d,e),!f,g"));
    }

    #[test]
    fn what_is_no_selector_is_refused_with_why() {
        use SelectorError::{
            Empty, EmptyRequirement, Key, Number, Parenthesis, Requirement, Value,
        };
        check("", Err(Empty));
        check(" ", Err(Empty));
        check(",", Err(EmptyRequirement));
        check("a=b,", Err(EmptyRequirement));
        check("a in (b", Err(Parenthesis));
        check("a in b)", Err(Parenthesis));
        check("a in b", Err(Requirement("a in b".to_owned())));
        check("a > b", Err(Number("b".to_owned())));
        check("a>", Err(Number(String::new())));
        check("a<-3", Err(Number("-3".to_owned())));
        check("a>=3", Err(Number("=3".to_owned())));
        check(
            "a>9223372036854775808",
            Err(Number("9223372036854775808".to_owned())),
        );
        check("a (b)", Err(Requirement("a (b)".to_owned())));
        check("=b", Err(Key(String::new())));
        check("-a=b", Err(Key("-a".to_owned())));
        check("x/y/z", Err(Key("x/y/z".to_owned())));
        check("a=b=c", Err(Value("b=c".to_owned())));
        check("a=b c", Err(Value("b c".to_owned())));
        check("a=\u{e4}", Err(Value("\u{e4}".to_owned())));
        check(&format!("a={}", "v".repeat(64)), Err(Value("v".repeat(64))));
    }

    proptest! {
        /// What is shown is read again as the same, so that a server reads what was meant.
        #[test]
        fn a_selector_is_read_as_it_is_shown(text in "[a-c0-3<>!=() ,./-]{0,20}|[a-c]{1,3} (not)?in \\([a-c,]{0,6}\\)") {
            if let Ok(selector) = text.parse::<LabelSelector>() {
                prop_assert_eq!(selector.to_string().parse(), Ok(selector));
            }
        }
    }
}
