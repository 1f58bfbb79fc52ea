//! Commands that a message names, written so that they mean the instance in whichever namespace they are typed.

use super::summary::InstanceKey;
use crate::definition::id::InstanceId;

/// Returns a command that takes an ID: `bowline resume shop-eu -n team-a`.
pub fn command(what: &str, instance: &InstanceKey) -> String {
    let InstanceKey { namespace, id } = instance;
    format!("`bowline {what} {id} -n {namespace}`")
}

/// Returns a command that takes the name of a definition: `bowline adopt shop --id shop-eu -n team-a`.
pub fn command_of(what: &str, definition: &InstanceId, instance: &InstanceKey) -> String {
    let InstanceKey { namespace, id } = instance;
    let named = named(definition, id);
    format!("`bowline {what} {named} -n {namespace}`")
}

/// Returns the arguments that name an ID to a command that takes the name of a definition.
pub fn named(definition: &InstanceId, id: &InstanceId) -> String {
    match definition == id {
        true => definition.to_string(),
        false => format!("{definition} --id {id}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_names_the_definition_the_id_and_the_namespace() {
        let instance = |id: &str| InstanceKey {
            namespace: "team-a".parse().unwrap(),
            id: id.parse().unwrap(),
        };
        let shop = "shop".parse().unwrap();
        assert_eq!(
            command("resume", &instance("shop-eu")),
            "`bowline resume shop-eu -n team-a`"
        );
        assert_eq!(
            command_of("adopt", &shop, &instance("shop")),
            "`bowline adopt shop -n team-a`"
        );
        assert_eq!(
            command_of("adopt", &shop, &instance("shop-eu")),
            "`bowline adopt shop --id shop-eu -n team-a`"
        );
    }
}
