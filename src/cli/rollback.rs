//! `bowline rollback`: an earlier revision deployed again, as a new one.

use std::cell::Cell;

use super::applying::{self, Planned, Wishes};
use super::args::Rollback;
use super::asking::Asker;
use super::session::Session;
use super::{Exit, missing, operate, restore, turn};
use crate::engine::rollback::{RollbackRequest, plan_rollback};
use crate::failure::{Failure, FailureKind};

pub fn run(args: &Rollback, session: &Session) -> anyhow::Result<Exit> {
    let wishes = Wishes::of(&args.applying, args.dry_run);
    wishes.require_answer()?;
    let beside = session.catalogue.dir().to_owned();
    let asker = Asker::of(&args.applying, args.dry_run, beside)?;
    operate::on_cluster(session, async |cluster| {
        let cluster = cluster.for_plans_only(args.dry_run);
        let mut surroundings = restore::surroundings(session, &args.applying);
        surroundings.remedies.rotate_secrets = args.rotate_secrets;
        let request = RollbackRequest {
            instance: session.instance(&cluster, &args.id),
            to: args.to,
            surroundings,
        };
        let secrets = |definition: &_| asker.read(definition);
        let instances = std::slice::from_ref(&request.instance);
        let shown = Cell::new(None);
        let attempt = async || {
            let plan = async || {
                let plan = plan_rollback(&cluster, &request, &secrets).await?;
                check_aim(&request, shown.get(), plan.target)?;
                Ok(Planned::Rollback(plan))
            };
            let planned = asker.plan(plan, |planned| Some(planned.plan())).await?;
            if let Planned::Rollback(plan) = &planned {
                shown.set(Some(plan.target));
            }
            applying::decide(wishes, session, cluster.clone(), planned).await
        };
        let waiting = &args.applying.waiting;
        let ended = turn::in_turn(waiting, session, &cluster, instances, attempt).await;
        missing::explained(&cluster, &request.instance, ended).await
    })
}

/// Refuses to go back to another revision than the one that was shown, which nobody named.
///
/// # Errors
/// Just then.
fn check_aim(request: &RollbackRequest, shown: Option<u32>, target: u32) -> Result<(), Failure> {
    match shown {
        Some(shown) if shown != target => {
            let instance = &request.instance;
            let summary = format!(
                "{instance} was changed after it was shown that it goes back to r{shown}; by now it would go back to r{target}: \
                 name the one that is meant with --to"
            );
            Err(Failure::new(FailureKind::Conflict, summary))
        }
        _ => Ok(()),
    }
}
