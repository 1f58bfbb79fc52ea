//! `bowline rollback`: an earlier revision deployed again, as a new one.

use super::applying::{self, Planned, Wishes};
use super::args::Rollback;
use super::asking::Asker;
use super::session::Session;
use super::{Exit, missing, operate, restore, turn};
use crate::engine::rollback::{RollbackRequest, plan_rollback};

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
        let attempt = async || {
            let plan = async || {
                let plan = plan_rollback(&cluster, &request, &secrets).await?;
                Ok(Planned::Rollback(plan))
            };
            let planned = asker.plan(plan, |planned| Some(planned.plan())).await?;
            applying::decide(wishes, session, cluster.clone(), planned).await
        };
        let waiting = &args.applying.waiting;
        let ended = turn::in_turn(waiting, session, &cluster, instances, attempt).await;
        missing::explained(&cluster, &request.instance, ended).await
    })
}
