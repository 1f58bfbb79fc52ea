//! What applying the edited text would change, found beside the loop: one at a time, stopped by whatever replaces it.

use std::collections::BTreeMap;

use tokio_util::task::AbortOnDropHandle;

use super::Runner;
use super::deploys::{Agreed, blocking, refused_by, request_of};
use crate::app::panes::editor::preview::PreviewOf;
use crate::app::{DefinitionOrigin, Msg, OpId};
use crate::catalogue::applied::Applied;
use crate::cluster::Cluster;
use crate::definition::check::{CheckContext, SchemaSource, check};
use crate::definition::id::{InstanceId, Namespace};
use crate::definition::render::RenderContext;
use crate::editor::Revision;
use crate::engine::preview::{Against, Former, Preview, compare_texts, preview};
use crate::failure::Failure;
use crate::runtime::Start;
use crate::schema::ClusterSchemas;
use crate::secret::SecretValues;

/// Where nobody says otherwise.
const NAMESPACE: &str = "default";

impl Runner {
    /// Finds what applying a text would change, in place of what is being found.
    pub(super) fn preview(
        &mut self,
        (editor, revision): (OpId, Revision),
        origin: DefinitionOrigin,
        schemas: ClusterSchemas,
        of: PreviewOf,
    ) {
        // A dry run that is cut off has written nothing.
        self.preview = None;
        let (start, messages) = (self.start.clone(), self.messages.clone());
        let cluster = self.cluster();
        let task = tokio::spawn(async move {
            let found = async {
                match of {
                    PreviewOf::Cluster => of_cluster(cluster?, start, origin, schemas).await,
                    // What it would go to is known of the connection, also where nothing answers.
                    PreviewOf::Local => {
                        let cluster = cluster.ok();
                        blocking(move || of_local(&start, cluster.as_ref(), &origin)).await
                    }
                }
            };
            let result = found.await.map(Box::new);
            drop(messages.send(Msg::Previewed {
                editor,
                revision,
                result,
            }));
        });
        self.preview = Some(AbortOnDropHandle::new(task));
    }
}

async fn of_cluster(
    cluster: Cluster,
    start: Start,
    origin: DefinitionOrigin,
    schemas: ClusterSchemas,
) -> Result<Preview, Failure> {
    let here = origin.namespace.as_ref();
    let context = CheckContext {
        id: Some(origin.id.clone()),
        namespace: Some(here.unwrap_or(cluster.namespace()).clone()),
        schemas: SchemaSource::Cluster(schemas),
        ..start.check_context()
    };
    let asked = cluster.clone();
    let request = blocking(move || {
        let text = text_of(&origin);
        let checked = check(&text, &context);
        let Some(definition) = checked.definition else {
            return Err(refused_by(&origin.name, &checked.diagnostics));
        };
        let of = (text, definition, SecretValues::unread());
        Ok(request_of(&asked, &start, origin, of, Agreed::default()))
    });
    preview(&cluster, request.await?).await
}

/// Compares a text with what was applied last of its instance from this machine, else with what is saved.
fn of_local(
    start: &Start,
    cluster: Option<&Cluster>,
    origin: &DefinitionOrigin,
) -> Result<Preview, Failure> {
    let here = cluster.map(Cluster::namespace);
    let namespace = origin.namespace.as_ref().or(here).cloned();
    let checked = CheckContext {
        id: Some(origin.id.clone()),
        namespace: namespace.clone(),
        ..start.check_context()
    };
    let namespace = namespace.unwrap_or_else(|| {
        NAMESPACE
            .parse()
            .expect("the namespace that there always is has a legal name")
    });
    let context = RenderContext {
        definition_name: origin.name.clone(),
        ingress_host: start.settings.ingress.host.clone(),
        gpus: start.settings.gpus.clone(),
        policy: start.settings.policy.clone(),
        ..RenderContext::new(origin.id.clone(), namespace)
    };
    let former = |namespace: &Namespace| {
        let server = cluster.map(|cluster| cluster.identity().server.as_str());
        let applied = server.and_then(|it| start.applied.last(it, namespace, &origin.id));
        applied
            .map(of_applied)
            .or_else(|| of_saved(start, &origin.name))
    };
    Ok(compare_texts(&text_of(origin), former, &checked, &context))
}

fn of_applied(applied: Applied) -> Former {
    Former {
        against: Against::Applied {
            revision: applied.revision,
            at: applied.at,
        },
        definition: applied.definition,
        parameters: applied.parameters,
        text: applied.text,
    }
}

fn of_saved(start: &Start, name: &InstanceId) -> Option<Former> {
    Some(Former {
        against: Against::Saved,
        definition: name.clone(),
        parameters: BTreeMap::new(),
        text: start.catalogue.read(name).ok()?.text,
    })
}

fn text_of(origin: &DefinitionOrigin) -> String {
    origin
        .text
        .as_ref()
        .map(ToString::to_string)
        .unwrap_or_default()
}
