//! The command line: one file a command over the same engine as the dashboard.
//!
//! Data goes to standard output, prose to standard error. Errors become one sentence and the documented exit code; text from
//! a cluster is sanitised on its way out unless the format is JSON or YAML, whose encoders escape it.

use std::io;
use std::process::ExitCode;

use clap::{ArgMatches, CommandFactory, FromArgMatches};

use crate::definition::places::Place;
use crate::failure::{Cause, Failure, FailureKind};

mod adjust;
mod adopt;
mod applying;
mod args;
mod asking;
mod bulk;
mod candidates;
mod changes;
mod choice;
mod claims;
mod completion;
mod config;
mod confirm;
mod dashboard;
mod delete;
mod deploy;
mod diff;
mod direct;
mod doctor;
mod events;
mod exec;
mod exit;
mod explain;
mod history;
mod import;
mod invocation;
mod kind;
mod logs;
mod ls;
mod missing;
mod new;
mod operate;
mod output;
mod plan_json;
mod port_forward;
mod prune;
mod pull;
mod refusal;
mod render;
mod restore;
mod resume;
mod review;
mod rollback;
mod routes;
mod rows;
mod sandbox;
mod schema;
mod session;
mod set_difference;
mod sets;
mod signals;
mod snapshot;
mod source;
mod status;
mod status_text;
mod stream;
mod target;
mod turn;
mod usage;
mod validate;

use args::{Cli, Command, Global};
pub use exit::Exit;
pub(crate) use exit::UsageError;
use session::Session;

/// Reads the arguments and runs the command they name.
pub fn main() -> ExitCode {
    crate::panics::install();
    clap_complete::CompleteEnv::with_factory(Cli::command).complete();
    let read = |matches: ArgMatches| Ok((Cli::from_arg_matches(&matches)?, matches));
    let (mut cli, matches) = match Cli::command().try_get_matches().and_then(read) {
        Ok(read) => read,
        Err(error) => usage::exit(error),
    };
    let asks_json = cli.command.as_ref().is_some_and(Command::asks_json);
    let weighed = cli.global.weigh(&matches).map_err(anyhow::Error::from);
    let exit = weighed.and_then(|()| run(cli));
    let exit = exit.unwrap_or_else(|error| report(&error));
    let told = match asks_json {
        true => refusal::print_noted(),
        false => Ok(()),
    };
    let exit = told.map_or_else(|error| report(&error), |()| exit);
    ExitCode::from(exit.code())
}

fn run(cli: Cli) -> anyhow::Result<Exit> {
    let Cli {
        max_bytes_per_second,
        global,
        command,
    } = cli;
    output::name_commands_as(invocation::program(&global));
    let open = || Session::open(global.clone());
    let of_dashboard = |global: Global| -> anyhow::Result<Session> {
        let mut session = Session::open_with_faults(global)?;
        let budget = &mut session.settings.ui.max_bytes_per_second;
        *budget = max_bytes_per_second.unwrap_or(*budget);
        Ok(session)
    };
    let Some(command) = command else {
        return dashboard::run(&of_dashboard(global)?, None);
    };
    match command {
        Command::Adopt(args) => adopt::run(&args, &open()?),
        // These need no settings, so that they work where the settings are broken.
        Command::Completion(args) => completion::run(&args),
        Command::Config(args) => config::run(&args, &global),
        Command::Delete(args) => delete::run(&args, &open()?),
        Command::Deploy(args) => deploy::run(&args, &open()?),
        Command::Diff(args) => diff::run(&args, &open()?),
        Command::Doctor(args) => doctor::run(&args, &global),
        Command::Edit(args) => dashboard::edit(&args, &of_dashboard(global)?),
        Command::Exec(args) => exec::run(&args, &open()?),
        Command::Events(args) => events::run(&args, &open()?),
        Command::Explain(args) => explain::run(&args, &open()?),
        Command::History(args) => history::run(&args, &open()?),
        Command::Import(args) => import::run(&args, &open()?),
        Command::Logs(args) => logs::run(&args, &open()?),
        Command::Ls(args) if args.sets => sets::run(&args, &open()?),
        Command::Ls(args) => ls::run(&args, &open()?),
        Command::New(args) => new::run(&args, &open()?),
        Command::PortForward(args) => port_forward::run(&args, &open()?),
        Command::Prune(args) => prune::run(args, &open()?),
        Command::Pull(args) => pull::run(&args, &open()?),
        Command::Render(args) => render::run(&args, &open()?),
        Command::Restore(args) => restore::run(&args, &open()?),
        Command::Resume(args) => resume::run(&args, &open()?),
        Command::Rollback(args) => rollback::run(&args, &open()?),
        Command::Restart(args) => adjust::restart(&args, &open()?),
        Command::Sandbox(args) => sandbox::run(&args, &open()?),
        Command::Scale(args) => adjust::scale(&args, &open()?),
        Command::Schema(args) => schema::run(&args, &open()?),
        Command::Snapshot(args) => snapshot::run(&args, &open()?),
        Command::Status(args) => status::run(&args, &open()?),
        Command::UpdateIngress(args) => routes::run(&args, &open()?),
        Command::Validate(args) => validate::run(&args, &open()?),
    }
}

/// Says what went wrong and returns the exit code it stands for.
fn report(error: &anyhow::Error) -> Exit {
    if let Some(io_error) = error.downcast_ref::<io::Error>()
        && io_error.kind() == io::ErrorKind::BrokenPipe
    {
        return Exit::Ok;
    }
    output::say(format!(
        "error: {}",
        crate::text::clean(&format!("{error:#}"))
    ));
    refusal::note(&refusal::of_error(error));
    if let Some(failure) = error.downcast_ref::<Failure>() {
        say_detail(failure);
        return exit::of_failure(failure.kind);
    }
    if error.is::<UsageError>() {
        Exit::Usage
    } else {
        Exit::Failed
    }
}

/// Says the lines and causes of a failure that its summary leaves out.
fn say_detail(failure: &Failure) {
    for line in failure.detail.lines() {
        output::say(format!("  {}", crate::text::clean(line)));
    }
    for cause in &failure.causes {
        // What names no field is the whole sentence again.
        let is_whole = cause.field.is_empty() && repeats(failure, cause);
        if !is_whole && !is_told(failure, cause) {
            output::say(format!("  {}", crate::text::clean(&cause_line(cause))));
        }
    }
}

/// Tells whether the summary says already what a cause says.
fn is_told(failure: &Failure, cause: &Cause) -> bool {
    cause.place.is_none() && repeats(failure, cause)
}

fn repeats(failure: &Failure, cause: &Cause) -> bool {
    failure.summary.contains(&cause.message)
}

fn cause_line(cause: &Cause) -> String {
    let field = match &cause.place {
        _ if cause.field.is_empty() => String::new(),
        None => format!("{}: ", cause.field),
        Some(place) => format!(
            "{} (line {} of the definition): ",
            cause.field, place.span.start.line
        ),
    };
    format!("{field}{}", cause.message)
}

/// Says the causes of a failure whose place in the definition is known, as lines that editors can jump to, and the rest of
/// what its summary leaves out.
fn say_detail_of(file: &str, failure: &Failure) {
    for line in failure.detail.lines() {
        output::say(format!("  {}", crate::text::clean(line)));
    }
    let lines = failure
        .causes
        .iter()
        .filter_map(|cause| line_of(file, failure, cause));
    for line in lines {
        output::say(crate::text::clean(&line));
    }
}

/// Returns what a cause says beside the summary; none where that is nothing, or nothing at a place of its own.
fn line_of(file: &str, failure: &Failure, cause: &Cause) -> Option<String> {
    // What names no field is the whole sentence again, and its place only that of the object as a whole.
    let is_whole = cause.field.is_empty() && repeats(failure, cause);
    if is_whole || is_told(failure, cause) {
        return None;
    }
    let Some(Place { path, span }) = &cause.place else {
        return Some(format!("  {}", cause_line(cause)));
    };
    let (line, column) = (span.start.line, span.start.column);
    let is_above = failure.kind == FailureKind::Refused && repeats(failure, cause);
    let told = match is_above {
        true => "note: that is said of this".to_owned(),
        false => format!("error: {}", cause.message),
    };
    let path = path.to_string();
    let field = match cause.field.as_str() {
        field if field.is_empty() || field == path => String::new(),
        field => format!(", {field}"),
    };
    Some(format!("{file}:{line}:{column}: {told} [{path}{field}]"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::definition::places::place_of;

    const TEXT: &str = "containers:\n  - {name: web, image: 'nginx:1.27'}\n";

    fn check(field: &str, message: &str, expected: Option<&str>) {
        let json = serde_json::json!({"kind": "Deployment", "spec": {"template": {"spec": {
            "containers": [{"name": "web", "image": "nginx:1.27"}]}}}});
        let placed = match field {
            "" => "spec.template.spec.containers[0].name",
            field => field,
        };
        let cause = Cause {
            field: field.to_owned(),
            reason: String::new(),
            message: message.to_owned(),
            place: place_of(TEXT, &json, placed),
        };
        let failure = Failure::new(
            FailureKind::Refused,
            "Deployment/web cannot be changed: its selector never changes",
        );
        let line = line_of("web.yaml", &failure, &cause);
        assert_eq!(line.as_deref(), expected);
    }

    #[test]
    fn what_is_said_of_an_object_as_a_whole_is_not_said_again_at_one_of_its_fields() {
        check("", "its selector never changes", None);
        let image = "spec.template.spec.containers[0].image";
        check(
            image,
            "its selector never changes",
            Some(&format!(
                "web.yaml:2:24: note: that is said of this [containers[0].image, {image}]"
            )),
        );
        check(
            image,
            "Invalid value",
            Some(&format!(
                "web.yaml:2:24: error: Invalid value [containers[0].image, {image}]"
            )),
        );
    }
}
