//! Answers of a server as objects or as a [`Failure`]: the one place that knows which errors mislead.

use http::{HeaderMap, StatusCode};
use serde::Deserialize;

use super::connect::LoginError;
use super::unreachable;
use crate::failure::{Cause, Failure, FailureKind};
use crate::text;

/// Longest part of an answer that is no Status, and longest value of several fields, which is quoted in a failure.
const QUOTED: usize = 100;
/// What stands before a value that a server refuses.
const INVALID_VALUE: &str = "Invalid value: ";

/// A Status as far as it is used (`meta/v1`).
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Status {
    kind: String,
    /// `Success` or `Failure`.
    pub status: String,
    pub message: String,
    pub reason: String,
    pub details: Details,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct Details {
    pub causes: Vec<StatusCause>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(super) struct StatusCause {
    field: String,
    pub reason: String,
    pub message: String,
}

/// Returns the failure that an answer stands for. `doing` says what was being done to what: `apply Deployment/web`.
pub(super) fn failure(doing: &str, code: StatusCode, body: &[u8]) -> Failure {
    match serde_json::from_slice::<Status>(body) {
        Ok(status) if status.kind == "Status" => of_status(doing, code, status),
        _ => {
            let mut failure = Failure::new(
                kind_of(code, "", ""),
                format!("cannot {doing}: the server answered {code}"),
            );
            failure.detail = words(doing, body).unwrap_or_default();
            failure
        }
    }
}

/// Returns what a server says in plain words, such as that there is no such page. Whole pages, and answers to what holds secrets,
/// may repeat what was sent.
fn words(doing: &str, body: &[u8]) -> Option<String> {
    let said = std::str::from_utf8(body).ok()?.trim();
    let is_sentence = said.len() <= QUOTED && !said.contains(['<', '{', '\n']);
    let is_safe = is_sentence && !doing.contains("Secret");
    is_safe.then(|| text::clean(said).into_owned())
}

fn of_status(doing: &str, code: StatusCode, status: Status) -> Failure {
    let causes = status.details.causes;
    let is_terminating = causes
        .iter()
        .any(|cause| cause.reason == "NamespaceTerminating");
    // NB: a 403 is no permission problem while the namespace goes, nor for a claim whose class cannot grow.
    let is_about_claims = status
        .message
        .contains("only dynamically provisioned pvc can be resized");
    let kind = match code {
        StatusCode::FORBIDDEN if is_terminating => FailureKind::Conflict,
        StatusCode::FORBIDDEN if is_about_claims => FailureKind::Invalid,
        _ => kind_of(code, &status.reason, &status.message),
    };
    let mut message = shortened(&text::clean(&status.message));
    // A server says no more than this word.
    if code == StatusCode::UNAUTHORIZED {
        message.push_str(
            ": it does not take this login, which may have expired; log in again, or choose another context",
        );
    }
    let causes = causes.into_iter().map(|cause| Cause {
        field: text::clean(&cause.field).into_owned(),
        reason: text::clean(&cause.reason).into_owned(),
        message: shortened(&text::clean(&cause.message)),
        place: None,
    });
    Failure {
        causes: causes.collect(),
        ..Failure::new(kind, format!("cannot {doing}: {message}"))
    }
}

/// Returns a message without the long values that it repeats: of a template that can never change a server prints all of it.
fn shortened(message: &str) -> String {
    let (mut short, mut rest) = (String::new(), message);
    while let Some((before, value)) = rest.split_once(INVALID_VALUE) {
        let end = end_of_value(value).unwrap_or(0);
        short.push_str(before);
        short.push_str(INVALID_VALUE);
        short.push_str(if end > QUOTED { "…" } else { &value[..end] });
        rest = &value[end..];
    }
    short.push_str(rest);
    short
}

/// Returns where a value of several fields ends, as JSON or as Go prints it; none where the text begins with none.
fn end_of_value(text: &str) -> Option<usize> {
    let begin = text.find(['{', '['])?;
    let is_type = |c: char| c.is_ascii_alphanumeric() || ".*&".contains(c);
    if !text[..begin].chars().all(is_type) {
        return None;
    }
    let (mut depth, mut is_quoted, mut is_escaped) = (0_usize, false, false);
    for (idx, c) in text[begin..].char_indices() {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            _ if is_quoted => {}
            '{' | '[' => depth += 1,
            '}' | ']' => {
                depth = depth.saturating_sub(1);
                if depth == 0 {
                    return Some(begin + idx + 1);
                }
            }
            _ => {}
        }
    }
    None
}

fn kind_of(code: StatusCode, reason: &str, message: &str) -> FailureKind {
    match code {
        StatusCode::NOT_FOUND => FailureKind::NotFound,
        StatusCode::CONFLICT => FailureKind::Conflict,
        StatusCode::UNAUTHORIZED => FailureKind::Login,
        StatusCode::FORBIDDEN => FailureKind::Forbidden,
        // NB: what is wrong with an applied object comes as 500 without reason; sending it again cannot help.
        StatusCode::INTERNAL_SERVER_ERROR
            if reason.is_empty()
                && (message.contains("failed to create typed patch")
                    || message.contains("failed to convert new object")) =>
        {
            FailureKind::Invalid
        }
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => FailureKind::Unreachable,
        code if code.is_client_error() => FailureKind::Invalid,
        _ => FailureKind::Unreachable,
    }
}

/// Returns the failure of a request that had no answer.
pub(super) fn transport_failure(doing: &str, error: &kube::Error) -> Failure {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if let Some(LoginError(failure)) = error.downcast_ref() {
            return failure.clone();
        }
        cause = error.source();
    }
    let reason = unreachable::reason(error);
    Failure::new(
        FailureKind::Unreachable,
        format!("cannot {doing}: {reason}"),
    )
}

/// Returns the texts of `Warning` headers (RFC 9110: `299 - "text"`).
pub(super) fn warnings(headers: &HeaderMap) -> Vec<String> {
    let texts = headers
        .get_all(http::header::WARNING)
        .iter()
        .filter_map(|value| value.to_str().ok());
    texts
        .map(|text| text::clean(&warning_text(text)).into_owned())
        .collect()
}

fn warning_text(header: &str) -> String {
    let quoted = header
        .split_once('"')
        .and_then(|(_, rest)| rest.rsplit_once('"'));
    quoted.map_or_else(
        || header.to_owned(),
        |(text, _)| text.replace("\\\"", "\"").replace("\\\\", "\\"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(code: u16, body: &str, kind: FailureKind, summary: &str) {
        let failure = failure(
            "apply Deployment/web",
            StatusCode::from_u16(code).unwrap(),
            body.as_bytes(),
        );
        assert_eq!((failure.kind, failure.summary.as_str()), (kind, summary));
    }

    #[test]
    fn long_values_of_several_fields_are_left_out() {
        let check = |message: &str, expected: &str| assert_eq!(shortened(message), expected);
        let long = "x".repeat(QUOTED);
        let json = format!(r#"{{"labels":{{"a}}\"":"}}"}},"Spec":["{long}"]}}"#);
        let never = "field is immutable";
        check(
            &format!(
                "Job is invalid: spec.template: Invalid value: {json}: {never}, x: Required value"
            ),
            "Job is invalid: spec.template: Invalid value: …: field is immutable, x: Required value",
        );
        check(
            &format!(
                "a: Invalid value: core.Pod{{Name:\"{long}\"}}: {never}, b: Invalid value: [{long}]: {never}"
            ),
            "a: Invalid value: …: field is immutable, b: Invalid value: …: field is immutable",
        );
        let short =
            r#"spec.selector: Invalid value: {"matchLabels":{"app":"x"}}: field is immutable"#;
        check(short, short);
        // A text stays as it is, however it begins, and so does what never ends.
        for whole in [
            format!("name: Invalid value: \"{{{long}}}\": must be a name"),
            format!("name: Invalid value: {{{long}"),
        ] {
            check(&whole, &whole);
        }
    }

    #[test]
    fn codes_that_mislead_are_told_apart() {
        let status = |message: &str, cause: &str| {
            format!(
                r#"{{"kind":"Status","message":"{message}","details":{{"causes":[{{"reason":"{cause}"}}]}}}}"#
            )
        };
        check(
            403,
            &status("no", ""),
            FailureKind::Forbidden,
            "cannot apply Deployment/web: no",
        );
        check(
            403,
            &status("is being terminated", "NamespaceTerminating"),
            FailureKind::Conflict,
            "cannot apply Deployment/web: is being terminated",
        );
        check(
            401,
            &status("Unauthorized", ""),
            FailureKind::Login,
            "cannot apply Deployment/web: Unauthorized: it does not take this login, which may have expired; \
             log in again, or choose another context",
        );
        let typed =
            "failed to create typed patch object (…): .spec.prts: field not declared in schema";
        check(
            500,
            &status(typed, ""),
            FailureKind::Invalid,
            &format!("cannot apply Deployment/web: {typed}"),
        );
        let value = "failed to convert new object (…) to proper version: illegal base64 data at input byte 0";
        check(
            500,
            &status(value, ""),
            FailureKind::Invalid,
            &format!("cannot apply Deployment/web: {value}"),
        );
        check(
            500,
            &status("etcd", ""),
            FailureKind::Unreachable,
            "cannot apply Deployment/web: etcd",
        );
        check(
            404,
            "404 page not found",
            FailureKind::NotFound,
            "cannot apply Deployment/web: the server answered 404 Not Found",
        );
        let html = "<html>bad \u{1b}[2Jgateway</html>";
        check(
            502,
            html,
            FailureKind::Unreachable,
            "cannot apply Deployment/web: the server answered 502 Bad Gateway",
        );
    }

    #[test]
    fn only_a_short_sentence_is_quoted_and_never_of_a_secret() {
        let check = |doing: &str, body: &str, expected: &str| {
            let failure = failure(doing, StatusCode::BAD_GATEWAY, body.as_bytes());
            assert_eq!(failure.detail, expected, "{doing}: {body}");
        };
        let doing = "apply Deployment/web";
        check(
            doing,
            "404 page \u{1b}[2Jnot found\n",
            "404 page ␛not found",
        );
        check("apply Secret/web", "no Secret hunter2 here", "");
        let long = "hunter2 ".repeat(QUOTED);
        for page in [
            "<html>hunter2</html>",
            "{\"data\": \"hunter2\"}",
            "hunter2\nhunter2",
            &*long,
        ] {
            check(doing, page, "");
        }
    }

    #[test]
    fn causes_keep_their_fields() {
        let body = r#"{"kind":"Status","message":"conflict","details":{"causes":[
            {"reason":"FieldManagerConflict","message":"conflict with \"kubectl-edit\"","field":".spec.replicas"}]}}"#;
        let failure = failure("apply x", StatusCode::CONFLICT, body.as_bytes());
        let cause = Cause {
            field: ".spec.replicas".to_owned(),
            reason: "FieldManagerConflict".to_owned(),
            message: "conflict with \"kubectl-edit\"".to_owned(),
            place: None,
        };
        assert_eq!(failure.causes, [cause]);
    }

    #[test]
    fn warning_headers_lose_their_wrapping() {
        let mut headers = HeaderMap::new();
        headers.append(
            http::header::WARNING,
            r#"299 - "duplicate \"http\" port""#.parse().unwrap(),
        );
        assert_eq!(warnings(&headers), [r#"duplicate "http" port"#]);
    }
}
