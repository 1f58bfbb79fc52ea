//! A running set of objects becomes a definition.

use std::sync::Arc;

use crate::app::effect::Effect;
use crate::app::msg::{ImportedDefinition, Msg, OpId};
use crate::app::popup::Popup;
use crate::app::stage::{self, Stage};
use crate::engine::import::{Import, Origin};
use crate::failure::{Failure, FailureKind};

const TEXT: &str = "# Taken\napiVersion: v1\nkind: Service\n";

/// Asks for a Helm release as the definition shop.
fn asking() -> Stage {
    let mut stage = Stage::with_services();
    stage.press(":").type_text("running set").press("enter");
    assert_eq!(stage.menu().title, "Import");
    stage.press("j enter enter");
    let Some(Popup::Prompt(prompt)) = &stage.model.popup else {
        panic!("{:?}", stage.model.popup);
    };
    assert_eq!(prompt.error.as_deref(), Some("a release has a name"));
    stage.type_text("shop").press("enter");
    // A name that the catalogue has already is refused.
    stage
        .type_text("web")
        .press("enter ^u")
        .type_text("shop")
        .press("enter");
    let import = Effect::Import {
        op: OpId(1),
        origin: Origin::Helm("shop".to_owned()),
        namespace: "team-a".parse().unwrap(),
        name: "shop".parse().unwrap(),
    };
    assert_eq!(stage.take_effects(), [import]);
    stage
}

#[test]
fn name_of_what_is_imported_is_proposed_where_it_is_free() {
    let check = |keys: &str, of: &str, expected: &str| {
        let mut stage = Stage::with_services();
        stage.press(":").type_text("running set").press("enter");
        stage.press(keys).type_text(of).press("enter");
        let Some(Popup::Prompt(prompt)) = &stage.model.popup else {
            panic!("{:?}", stage.model.popup);
        };
        assert_eq!(prompt.title, "Name of the definition");
        assert_eq!(prompt.input.text(), expected, "{of}");
        // Whoever types writes another one.
        stage.type_text("mine");
        let Some(Popup::Prompt(prompt)) = &stage.model.popup else {
            panic!("{:?}", stage.model.popup);
        };
        assert_eq!(prompt.input.text(), "mine", "{of}");
    };
    check("enter", "app=shop", "shop");
    check("enter", "app==shop", "shop");
    check("enter", "app=shop,tier=web", "");
    check("enter", "tier in (web,db)", "");
    check("enter", "!app", "");
    check("enter", "app!=shop", "");
    check("j enter", "shop", "shop");
    check("j enter", "web", "");
    check("j j enter", "shop", "shop");
    check("j j enter", "secret/shop", "shop");
}

fn imported(stage: &mut Stage, op: u64, result: Result<ImportedDefinition, Failure>) {
    stage.send(Msg::Imported {
        op: OpId(op),
        name: "shop".parse().unwrap(),
        result: result.map(Arc::new),
    });
}

#[test]
fn what_was_found_is_shown_before_it_is_written() {
    let mut stage = asking();
    let found = Import {
        objects: Vec::new(),
        left: vec![(
            stage::object("Pod", "shop-0"),
            "StatefulSet/shop makes it".to_owned(),
        )],
        secrets: vec![stage::object("Secret", "shop-tls")],
        warnings: Vec::new(),
    };
    let definition = ImportedDefinition {
        found,
        text: TEXT.to_owned(),
        n_errors: 1,
    };
    // An answer to something else is stale.
    imported(&mut stage, 9, Ok(definition.clone()));
    assert!(stage.model.popup.is_none());
    imported(&mut stage, 1, Ok(definition));
    let expected = [
        "Secrets stay where they are, outside of the instance: shop-tls.",
        "Left: Pod/shop-0, StatefulSet/shop makes it.",
        "The definition has 1 fault to be mended in the editor.",
    ];
    assert_eq!(stage.menu().text, expected);
    stage.press("y");
    let create = Effect::CreateDefinition {
        name: "shop".parse().unwrap(),
        text: TEXT.to_owned(),
    };
    assert_eq!(stage.take_effects(), [create]);
    assert_eq!(
        stage.last_command(),
        Some("bowline --context kind-dev -n team-a import shop --helm shop --secrets skip")
    );
}

#[test]
fn what_is_found_while_something_else_has_the_keys_waits_until_it_is_asked_for() {
    let check = |keys: &str| {
        let mut stage = asking();
        stage.press(keys);
        stage.take_effects();
        let title = |stage: &Stage| match &stage.model.popup {
            Some(Popup::Menu(menu)) => Some(menu.title.clone()),
            _ => None,
        };
        let before = title(&stage);
        let found = Import {
            objects: Vec::new(),
            left: Vec::new(),
            secrets: Vec::new(),
            warnings: Vec::new(),
        };
        let definition = ImportedDefinition {
            found,
            text: TEXT.to_owned(),
            n_errors: 0,
        };
        imported(&mut stage, 1, Ok(definition));
        assert_eq!(title(&stage), before, "{keys}");
        assert_eq!(
            stage.told(),
            Some("The objects of shop are found: import once more shows them."),
            "{keys}"
        );
        stage.press("esc");
        stage.press(":").type_text("running set").press("enter");
        assert_eq!(stage.menu().title, "Take 0 objects into shop?", "{keys}");
        stage.press("y");
        let effects = stage.take_effects();
        assert!(
            matches!(effects[..], [.., Effect::CreateDefinition { .. }]),
            "{effects:?}"
        );
        // Once it was looked at, the next import is another.
        stage.press(":").type_text("running set").press("enter");
        assert_eq!(stage.menu().title, "Import", "{keys}");
    };
    check("e");
    check("m");
    check("/");
}

#[test]
fn nothing_found_is_told() {
    let mut stage = asking();
    let failure = Failure::new(FailureKind::NotFound, "nothing to take: no objects");
    imported(&mut stage, 1, Err(failure));
    assert_eq!(stage.told(), Some("nothing to take: no objects"));
    assert!(stage.model.popup.is_none());
}
