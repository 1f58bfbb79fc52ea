//! `bowline history`: the revisions that are kept of an instance, and the definition that one of them keeps.

use super::args::{self, Report};
use super::session::Session;
use super::{Exit, missing, operate, output, plan_json};
use crate::cluster::Cluster;
use crate::engine::history::{History, Revision, RevisionState, history, kept_revision};
use crate::service::summary::InstanceKey;
use crate::text;

const HEADINGS: [&str; 7] = [
    "REVISION",
    "STATE",
    "APPLIED",
    "BY",
    "AS",
    "PARAMETERS",
    "CAUSE",
];

pub fn run(args: &args::History, session: &Session) -> anyhow::Result<Exit> {
    operate::on_cluster(session, async |cluster| {
        let instance = session.instance(&cluster, &args.id);
        let told = tell(args, &cluster, &instance).await;
        missing::explained(&cluster, &instance, told).await?;
        Ok(Exit::Ok)
    })
}

async fn tell(args: &args::History, cluster: &Cluster, of: &InstanceKey) -> anyhow::Result<()> {
    let Some(number) = args.revision else {
        return print(&history(cluster, of).await?, args.output);
    };
    let kept = kept_revision(cluster, of, number).await?;
    match args.output {
        Report::Json => {
            let value = plan_json::kept_revision(of, &kept);
            output::print(&output::json(&value)?)?;
        }
        Report::Text => output::print(&output::for_reader(&kept.text))?,
    }
    Ok(())
}

fn print(history: &History, format: Report) -> anyhow::Result<()> {
    if format == Report::Json {
        return Ok(output::print(&output::json(&plan_json::history(history))?)?);
    }
    if history.revisions.is_empty() {
        output::say(format!("no revision of {} is kept", history.instance));
        return Ok(());
    }
    let rows = history.revisions.iter();
    let rows: Vec<_> = rows.map(|it| row(it, history)).collect();
    output::print(&output::table(&HEADINGS, &rows))?;
    for revision in &history.revisions {
        if let Some(damage) = &revision.damage {
            let sentence = format!("warning: revision {} is damaged: {damage}", revision.number);
            output::say(text::clean(&sentence));
        }
    }
    Ok(())
}

fn row(revision: &Revision, history: &History) -> Vec<String> {
    let some = |text: &Option<String>| text.clone().unwrap_or_default();
    let parameters: Vec<_> = revision
        .parameters
        .iter()
        .map(|(key, value)| format!("{key}={value}"))
        .collect();
    // Fractions of a second only make the column wide.
    let at = revision
        .applied_at
        .and_then(|at| at.round(jiff::Unit::Second).ok());
    vec![
        revision.number.to_string(),
        state(revision, history).to_owned(),
        at.map_or_else(String::new, |at| at.to_string()),
        some(&revision.applied_by),
        some(&revision.applied_as),
        parameters.join(","),
        some(&revision.cause),
    ]
}

/// What a revision is beside one that was applied and replaced.
fn state(revision: &Revision, history: &History) -> &'static str {
    match history.state(revision) {
        RevisionState::Damaged => "damaged",
        RevisionState::Current => "current",
        RevisionState::Unfinished => "unfinished",
        RevisionState::Replaced => "",
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn check(number: u32, damage: Option<&str>, expected: &str) {
        let revision = Revision {
            number,
            definition: None,
            applied_at: None,
            applied_by: None,
            applied_as: None,
            cause: None,
            parameters: BTreeMap::new(),
            damage: damage.map(str::to_owned),
        };
        let history = History {
            instance: InstanceKey {
                namespace: "team-a".parse().unwrap(),
                id: "web".parse().unwrap(),
            },
            current: Some(3),
            revisions: Vec::new(),
            unfinished: [2, 4].into(),
        };
        assert_eq!(state(&revision, &history), expected);
    }

    #[test]
    fn a_revision_tells_its_state() {
        check(3, None, "current");
        check(1, None, "");
        check(2, None, "unfinished");
        check(4, None, "unfinished");
        check(3, Some("it has no text"), "damaged");
    }
}
