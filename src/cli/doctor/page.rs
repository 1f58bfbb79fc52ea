//! The report as a page for people.

use super::surroundings::{Link, Place, Terminal};
use super::{Findings, Permission, VERBS};
use crate::cli::output;

/// Returns the page.
pub(super) fn of(findings: &Findings) -> String {
    let mut page = format!("bowline {} ({})\n", findings.version, findings.platform);
    section(&mut page, "Connection", &connection(findings));
    if let Some(permissions) = &findings.permissions {
        let namespace = findings.namespace.as_deref().unwrap_or_default();
        page.push_str(&format!("\nPermissions in namespace {namespace}\n"));
        page.push_str(&indented(&table(permissions)));
    }
    let mut lines = terminal(&findings.terminal);
    lines.extend(link(&findings.link));
    section(&mut page, "Terminal", &lines);
    page.push_str("\nPaths\n");
    let rows: Vec<_> = findings.paths.iter().map(place).collect();
    page.push_str(&indented(&output::table(&["NAME", "PATH", "STATE"], &rows)));
    list(&mut page, "Not known", &findings.unknown);
    match findings.problems.is_empty() {
        true => page.push_str("\nNothing that is needed is broken.\n"),
        false => list(&mut page, "Problems", &findings.problems),
    }
    page
}

fn section(page: &mut String, title: &str, lines: &[(&str, String)]) {
    page.push_str(&format!("\n{title}\n"));
    for (name, value) in lines {
        page.push_str(&format!("  {name:<13}{value}\n"));
    }
}

fn list(page: &mut String, title: &str, lines: &[String]) {
    if !lines.is_empty() {
        page.push_str(&format!("\n{title}\n"));
        lines
            .iter()
            .for_each(|line| page.push_str(&format!("  {line}\n")));
    }
}

fn connection(findings: &Findings) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    for file in &findings.kubeconfigs {
        lines.push(("Kubeconfig", format!("{} ({})", file.path, file.state)));
    }
    if let Some(connection) = &findings.connection {
        let verified = match connection.is_verified {
            true => "",
            false => " (certificate NOT verified)",
        };
        let credentials = match connection.credentials.is_empty() {
            true => "none".to_owned(),
            false => connection.credentials.join(", "),
        };
        lines.extend([
            ("Context", connection.context.clone()),
            ("Cluster", connection.cluster.clone()),
            ("Server", format!("{}{verified}", connection.server)),
            ("User", connection.user.clone()),
            ("Acting as", connection.acts_as.clone().unwrap_or_default()),
            ("Credentials", credentials),
        ]);
        // A cluster in this process has no address.
        lines.retain(|(_, value)| !value.is_empty());
        lines.extend(connection.proxy.clone().map(|proxy| ("Proxy", proxy)));
    }
    lines.extend(findings.known_as.clone().map(|it| ("Known as", it)));
    lines.extend(findings.namespace.clone().map(|it| ("Namespace", it)));
    lines.extend(findings.server_version.clone().map(|it| ("Version", it)));
    let latency = findings
        .latency_ms
        .map(|it| ("Latency", format!("{it} ms")));
    lines.extend(latency);
    lines
}

fn table(permissions: &[Permission]) -> String {
    let headings: Vec<String> = VERBS.iter().map(|verb| verb.to_uppercase()).collect();
    let headings: Vec<&str> = std::iter::once("KIND")
        .chain(headings.iter().map(String::as_str))
        .collect();
    let row = |permission: &Permission| {
        let cell = |verb: &&'static str| match () {
            () if permission.allowed.contains(verb) => "yes".to_owned(),
            () if permission.named.contains(verb) => "some".to_owned(),
            () if permission.denied.contains(verb) => "no".to_owned(),
            // It is not needed.
            () => String::new(),
        };
        let cells = VERBS.iter().map(cell);
        let what = match permission.subresource {
            Some(part) => format!("{}/{part}", permission.kind),
            None => permission.kind.to_owned(),
        };
        std::iter::once(what).chain(cells).collect()
    };
    let rows: Vec<Vec<String>> = permissions.iter().map(row).collect();
    output::table(&headings, &rows)
}

fn terminal(terminal: &Terminal) -> Vec<(&'static str, String)> {
    let streams = [
        (terminal.stdin, "input"),
        (terminal.stdout, "output"),
        (terminal.stderr, "error"),
    ];
    let streams: Vec<&str> = streams
        .into_iter()
        .filter_map(|(is_one, name)| is_one.then_some(name))
        .collect();
    let streams = match streams.is_empty() {
        true => "none of the standard streams".to_owned(),
        false => format!("standard {}", streams.join(", ")),
    };
    let size = terminal.columns.zip(terminal.rows);
    let unset = || "(not set)".to_owned();
    let symbols = match terminal.is_unicode {
        true => "Unicode",
        false => "ASCII",
    };
    let mut within = Vec::from_iter(terminal.multiplexer);
    within.extend(terminal.is_ssh.then_some("ssh"));
    let mut lines = vec![
        ("Terminal", streams),
        ("TERM", terminal.term.clone().unwrap_or_else(unset)),
        ("Colours", terminal.colors.to_owned()),
        ("Symbols", symbols.to_owned()),
        ("Locale", terminal.locale.clone().unwrap_or_else(unset)),
    ];
    lines.extend(size.map(|(columns, rows)| ("Size", format!("{columns}x{rows}"))));
    if !within.is_empty() {
        lines.push(("Within", within.join(", ")));
    }
    lines
}

fn link(link: &Link) -> Vec<(&'static str, String)> {
    let bound = match link.max_bytes_per_second {
        Some(n) => format!("at most {n} bytes a second"),
        None => "not bounded (ui.max_bytes_per_second)".to_owned(),
    };
    let mut lines = vec![("Link", bound)];
    if let Some(last) = link.last_session {
        let average = last.bytes / last.seconds.max(1);
        lines.push((
            "Last session",
            format!(
                "{} bytes in {} s: {average} a second, {} in the busiest, {} frames",
                last.bytes, last.seconds, last.peak, last.frames
            ),
        ));
    }
    lines
}

fn place(place: &Place) -> Vec<String> {
    let state = match (place.exists, place.readable, place.writable) {
        (true, true, true) => "readable, writable",
        (true, true, false) => "readable, not writable",
        (true, false, _) => "not readable",
        (false, _, true) => "not there yet, can be made",
        (false, _, false) => "not there, and cannot be made",
    };
    vec![place.name.to_owned(), place.path.clone(), state.to_owned()]
}

fn indented(table: &str) -> String {
    table.lines().map(|line| format!("  {line}\n")).collect()
}
