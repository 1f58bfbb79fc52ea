//! `bowline rollback`: an earlier revision deployed again, as a new one.

use super::applying::{self, Planned, Wishes};
use super::args::Rollback;
use super::asking::Asker;
use super::session::Session;
use super::{Exit, operate, restore, turn};
use crate::engine::rollback::{RollbackRequest, plan_rollback};

pub fn run(args: &Rollback, session: &Session) -> anyhow::Result<Exit> {
    let wishes = Wishes::of(&args.applying, args.dry_run);
    wishes.require_answer()?;
    operate::on_cluster(session, async |cluster| {
        let cluster = cluster.for_plans_only(args.dry_run);
        let request = RollbackRequest {
            instance: session.instance(&cluster, &args.id),
            to: args.to,
            surroundings: restore::surroundings(session, &args.applying),
        };
        let beside = session.catalogue.dir();
        let asker = Asker::of(&args.applying, args.dry_run);
        let secrets = |definition: &_| asker.read(definition, beside);
        let instances = std::slice::from_ref(&request.instance);
        let attempt = async || {
            let mut plan = plan_rollback(&cluster, &request, &secrets).await?;
            if asker.takes_up(&plan.deploy) {
                plan = plan_rollback(&cluster, &request, &secrets).await?;
            }
            applying::decide(wishes, session, cluster.clone(), Planned::Rollback(plan)).await
        };
        turn::in_turn(
            &args.applying.waiting,
            session,
            &cluster,
            instances,
            attempt,
        )
        .await
    })
}
