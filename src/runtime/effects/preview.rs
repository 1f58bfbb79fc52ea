//! What applying the edited text would change, found beside the loop: one at a time, stopped by whatever replaces it.

use tokio_util::task::AbortOnDropHandle;

use super::Runner;
use super::deploys::{Agreed, blocking, refused_by, request_of};
use crate::app::panes::editor::preview::PreviewOf;
use crate::app::{DefinitionOrigin, Msg, OpId};
use crate::cluster::Cluster;
use crate::definition::check::{CheckContext, SchemaSource, check};
use crate::definition::render::RenderContext;
use crate::editor::Revision;
use crate::engine::preview::{Preview, compare_texts, preview};
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
                    PreviewOf::Saved => blocking(move || of_saved(&start, &origin)).await,
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

/// Compares a text with the definition as it lies in the catalogue.
fn of_saved(start: &Start, origin: &DefinitionOrigin) -> Result<Preview, Failure> {
    let saved = start.catalogue.read(&origin.name).ok();
    let namespace = origin.namespace.clone();
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
    let saved = saved.as_ref().map(|saved| saved.text.as_str());
    Ok(compare_texts(&text_of(origin), saved, &checked, &context))
}

fn text_of(origin: &DefinitionOrigin) -> String {
    origin
        .text
        .as_ref()
        .map(ToString::to_string)
        .unwrap_or_default()
}
