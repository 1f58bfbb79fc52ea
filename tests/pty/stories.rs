//! The main job and what else there is to do with services, by keyboard, in the cluster inside the process.

use std::fs;

use crate::driver::{Home, Terminal};

/// The main job, from a template to nothing left, in the cluster inside the process.
#[test]
fn whole_story_is_told_by_keyboard() {
    let home = Home::new();
    let mut terminal = home.start_with(&["--sandbox"]);
    terminal.until("● live");
    terminal.press("n");
    terminal.until("New definition from");
    terminal.press("\r");
    terminal.until("Name of the definition");
    terminal.press("site\r");
    terminal.until("site.yaml");
    terminal.until("no problems");
    // To the end of the text; a fault is shown while it is typed, and gone with undo.
    terminal.press("\x1b[1;5F\x1b[200~volume: []\n\x1b[201~");
    terminal.until("1 error");
    terminal.until("did you mean `volumes`?");
    terminal.press("\x12");
    terminal.until("Not possible: the definition has errors");
    terminal.press("\x15");
    terminal.until("no problems");
    terminal.press("\x1b[200~config: {LEVEL: info}\n\x1b[201~");
    terminal.until("LEVEL");
    terminal.press("\x12");
    terminal.until("Plan: site r1");
    terminal.until("create  ConfigMap/site-config");
    terminal.press("\r");
    terminal.until("Apply site?");
    terminal.press("\r");
    terminal.until("Done.");
    terminal.until("● Ready");
    // What leaves the definition is pruned.
    terminal.press("\x1b");
    terminal.until("site.yaml");
    terminal.press("\x15");
    terminal.until_screen("the text without config", |s| {
        !s.contents().contains("LEVEL")
    });
    terminal.press("\x12");
    terminal.until("Plan: site r2");
    terminal.until("delete  ConfigMap/site-config  it left the definition");
    terminal.press("\r");
    terminal.until("Apply site?");
    terminal.press("\r");
    terminal.until("delete ConfigMap/site-config");
    terminal.until("Done.");
    terminal.press("\x1b");
    terminal.until("site.yaml");
    terminal.press("\x1b");
    terminal.until("▸ site");
    terminal.press("1");
    terminal.until("Running");
    terminal.press("x");
    terminal.until("Teardown: site");
    terminal.until("Deployment/site ");
    terminal.press("x");
    terminal.until("Take down site?");
    terminal.press("j\r");
    terminal.until("Done.");
    terminal.press("\x1b");
    terminal.until("in the catalogue, not deployed");
    terminal.press("q");
    terminal.assert_ended(0);
}

/// Waits for the plan that knows the secret: the one before stands behind the question, and says that it has none.
fn until_planned(terminal: &Terminal) {
    terminal.until_screen("the plan with the secret", |screen| {
        let text = screen.contents();
        text.contains("create  Secret/shop-secret") && !text.contains("refused")
    });
}

/// What there is to do with a service that runs, from its secret to its return from the trash.
#[test]
fn life_of_a_service_is_led_by_keyboard() {
    let home = Home::new();
    let text = "containers:\n  - name: main\n    image: nginx:1.27\n    env:\n      \
                - {name: TOKEN, fromSecret: token}\nsecrets:\n  token: {prompt: \"Token\"}\n";
    fs::write(home.catalogue().join("shop.yaml"), text).unwrap();
    let mut terminal = home.start_with(&["--sandbox"]);
    terminal.until("● live");
    terminal.press("/shop\r");
    terminal.until("▸ shop");
    // The secret is typed into a field that does not show it.
    terminal.press("a");
    terminal.until("It is not shown.");
    terminal.press("hunter2");
    terminal.until("> *******");
    terminal.press("\r");
    until_planned(&terminal);
    terminal.press("\r");
    terminal.until("Apply shop  to sandbox ▸ default");
    terminal.press("\r");
    terminal.until("Deploy of shop: done.");
    // One more replica, then new pods.
    terminal.press("\x1b");
    terminal.until("┌ Services");
    terminal.scale_to_two("shop");
    terminal.until("▸ shop");
    terminal.press("r");
    terminal.until("restart of 2 replicas");
    terminal.press("\r");
    terminal.until("Restart shop?");
    terminal.press("\r");
    terminal.until("Restart of shop: done.");
    terminal.press("\x1b");
    terminal.until("▸ shop");
    // Logs of both pods, and only some of their lines.
    terminal.press("l");
    terminal.until("main: ready");
    terminal.press("/start.*1\\.27\r");
    terminal.until("match /start");
    terminal.press("\x13");
    terminal.until("Save the log");
    terminal.press("\x15shop.log\r");
    terminal.until("Saved /");
    let saved = fs::read_to_string(home.path("shop.log")).unwrap();
    assert!(
        saved
            .lines()
            .all(|line| line.contains("starting (nginx:1.27)"))
    );
    terminal.press("\x1b");
    terminal.until_screen("all lines again", |screen| {
        !screen.contents().contains("match /start")
    });
    terminal.press("\x1b");
    terminal.until("┌ Services");
    // Another revision, and back to the first.
    let newer = text.replace("1.27", "1.28");
    fs::write(home.catalogue().join("shop.yaml"), newer).unwrap();
    terminal.press("a");
    terminal.until("image: nginx:1.28");
    terminal.until("kept as the cluster has it: Token");
    terminal.press("\r");
    terminal.until("Apply shop?");
    terminal.press("\r");
    terminal.until("Deploy of shop: done.");
    terminal.press("\x1b");
    terminal.until("▸ shop");
    terminal.press("7");
    terminal.until("r2  current");
    terminal.press("\t");
    terminal.until("what it changed");
    terminal.press("\r");
    terminal.until("shop: r1 to r2");
    terminal.until("+     image: nginx:1.28");
    terminal.press("\x1b");
    terminal.until("what it changed");
    terminal.press("ju");
    terminal.until("back to r1, as a new revision");
    terminal.until("update  Deployment/shop");
    terminal.press("\r");
    terminal.until("Roll shop back to r1  in sandbox ▸ default");
    terminal.press("\r");
    terminal.until("Rollback of shop: done.");
    terminal.press("\x1b");
    terminal.until("r3  current");
    // Down, and out of the trash again.
    terminal.press("x");
    terminal.until("Teardown: shop");
    terminal.until("ConfigMap/bowline-shop ");
    terminal.press("x");
    terminal.until("Take down shop?");
    terminal.press("j\r");
    terminal.until("Teardown of shop: done. z puts it back; the values of its secrets");
    terminal.until("must be given again.");
    terminal.press("U");
    terminal.until("default r3, taken down");
    terminal.press("\r");
    terminal.until("Put back: shop");
    terminal.until("It is not shown.");
    terminal.press("hunter3\r");
    until_planned(&terminal);
    terminal.press("\r");
    terminal.until("Put shop back  to sandbox ▸ default");
    terminal.press("\r");
    terminal.until("Restore of shop: done.");
    // All of it as commands, and the secret nowhere.
    terminal.press("\x1b");
    terminal.until("┌ Services");
    terminal.press("@");
    for command in [
        "deploy shop",
        "scale shop 2",
        "restart shop",
        "logs shop -f",
        "rollback shop --to 1",
        "restore shop",
    ] {
        terminal.until(&format!("… --sandbox -n default {command}"));
    }
    let seen = terminal.seen.0.lock().unwrap();
    let bytes = String::from_utf8_lossy(&seen.bytes).into_owned();
    drop(seen);
    assert!(!bytes.contains("hunter"));
    terminal.press("q");
    terminal.assert_ended(0);
}

/// Several services at once, what is under way, what others changed, and taking things back.
#[test]
fn several_services_are_led_at_once_and_deeds_are_taken_back() {
    let home = Home::new();
    let text = "replicas: 1\ncontainers:\n  - name: main\n    image: nginx:1.27\n";
    for name in ["zz-one", "zz-two"] {
        fs::write(home.catalogue().join(format!("{name}.yaml")), text).unwrap();
    }
    let mut terminal = home.start_with(&["--sandbox"]);
    terminal.until("● live");
    terminal.press("/zz-\r");
    terminal.until("▸ zz-one");
    terminal.press("  a");
    terminal.until("Plan: 2 services");
    terminal.until_times("1 to create", 2);
    terminal.press("a");
    terminal.until("Apply zz-one, zz-two?");
    terminal.press("y");
    terminal.until_times("Done.", 2);
    terminal.press("\x1b");
    terminal.until("▸ zz-two");
    terminal.press("P");
    terminal.until_times("took", 2);
    terminal.press("\r");
    terminal.until("Progress");
    terminal.press("\x1b");
    terminal.until("┌ Operations");
    terminal.press("\x1b");
    terminal.until("┌ Services");
    terminal.until("▸ zz-two");
    terminal.press("k");
    terminal.until("▸ zz-one");
    // What is not as the definition says comes into it, and goes again.
    terminal.scale_to_two("zz-one");
    terminal.until("▸ zz-one");
    terminal.press("Y");
    terminal.until("+ replicas: 2");
    terminal.press("\r");
    terminal.until("Write this into zz-one?");
    terminal.press("y");
    terminal.until("z takes it back.");
    let file = home.catalogue().join("zz-one.yaml");
    assert_eq!(
        fs::read_to_string(&file).unwrap(),
        text.replace("replicas: 1", "replicas: 2")
    );
    terminal.press("z");
    terminal.until("zz-one is as it was before the pull.");
    assert_eq!(fs::read_to_string(&file).unwrap(), text);
    terminal.press("I");
    terminal.until("It has no routes.");
    terminal.press("\x1b");
    terminal.until("▸ zz-one");
    // Down, and back by the key that is told.
    terminal.press("x");
    terminal.until("ConfigMap/bowline-zz-one ");
    terminal.press("x");
    terminal.until("Take down zz-one?");
    terminal.press("y");
    terminal.until("Teardown of zz-one: done. z puts it back.");
    terminal.press("z");
    terminal.until("Put back: zz-one");
    terminal.until("create  Deployment/zz-one");
    terminal.press("\r");
    terminal.until("Put zz-one back?");
    terminal.press("y");
    terminal.until("Restore of zz-one: done.");
    // The page of the teardown, which is over, made room for it.
    terminal.press("\x1b");
    terminal.until("┌ Services");
    // What somebody else writes into the catalogue is seen without a key.
    fs::write(home.catalogue().join("zz-new.yaml"), text).unwrap();
    terminal.until("zz-new");
    terminal.press("q");
    terminal.assert_ended(0);
}
