use std::os::unix::fs::{PermissionsExt, symlink};

use tempfile::TempDir;

use super::drafts::{Base, Drafts};
use super::*;

fn id(text: &str) -> InstanceId {
    text.parse().unwrap()
}

fn catalogue() -> (TempDir, Catalogue) {
    let dir = TempDir::new().unwrap();
    let catalogue = Catalogue::at(dir.path().join("services"));
    (dir, catalogue)
}

/// What an edit began from.
fn base(text: &str) -> Base {
    Base {
        digest: Digest::of(text.as_bytes()),
        text: Some(text.into()),
    }
}

fn mode_of(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn missing_directory_is_an_empty_catalogue() {
    let (_dir, catalogue) = catalogue();
    assert_eq!(catalogue.list().unwrap(), Listing::default());
    assert!(matches!(
        catalogue.read(&id("web")),
        Err(CatalogueError::NotFound { .. })
    ));
    assert!(!catalogue.dir().exists(), "reading made the directory");
}

#[test]
fn text_survives_byte_for_byte() {
    let (_dir, catalogue) = catalogue();
    for (name, text) in [
        ("crlf", "a: 1\r\nb: 2\r\n"),
        ("bom", "\u{feff}a: 1"),
        ("notes", "# why\n\na:   1 # odd   layout\n\n\n"),
    ] {
        let digest = catalogue.create(&id(name), text).unwrap();
        assert_eq!(
            catalogue.read(&id(name)).unwrap(),
            Text {
                text: text.to_owned(),
                digest
            }
        );
    }
    let names: Vec<_> = catalogue
        .list()
        .unwrap()
        .entries
        .into_iter()
        .map(|entry| entry.name)
        .collect();
    assert_eq!(names, [id("bom"), id("crlf"), id("notes")]);
}

#[test]
fn new_files_are_private_and_existing_modes_stay() {
    let (_dir, catalogue) = catalogue();
    let digest = catalogue.create(&id("web"), "a: 1\n").unwrap();
    let path = catalogue.path_of(&id("web"));
    assert_eq!((mode_of(&path), mode_of(catalogue.dir())), (0o600, 0o700));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    catalogue.save(&id("web"), "a: 2\n", &digest).unwrap();
    assert_eq!(mode_of(&path), 0o640);
}

#[test]
fn save_refuses_what_somebody_else_changed() {
    let (_dir, catalogue) = catalogue();
    let base = catalogue.create(&id("web"), "a: 1\n").unwrap();
    fs::write(catalogue.path_of(&id("web")), "a: theirs\n").unwrap();
    assert!(matches!(
        catalogue.save(&id("web"), "a: ours\n", &base),
        Err(CatalogueError::Changed { .. })
    ));
    assert_eq!(catalogue.read(&id("web")).unwrap().text, "a: theirs\n");
    fs::remove_file(catalogue.path_of(&id("web"))).unwrap();
    assert!(matches!(
        catalogue.save(&id("web"), "a: ours\n", &base),
        Err(CatalogueError::Changed { .. })
    ));
}

#[test]
fn create_refuses_to_replace() {
    let (_dir, catalogue) = catalogue();
    catalogue.create(&id("web"), "a: 1\n").unwrap();
    assert!(matches!(
        catalogue.create(&id("web"), "a: 2\n"),
        Err(CatalogueError::Exists { .. })
    ));
    assert_eq!(catalogue.read(&id("web")).unwrap().text, "a: 1\n");
}

#[test]
fn only_small_regular_utf8_files_with_legal_names_are_opened() {
    let (dir, catalogue) = catalogue();
    fs::create_dir_all(catalogue.dir().join("folder.yaml")).unwrap();
    let outside = dir.path().join("outside.yaml");
    fs::write(&outside, "secret: 1\n").unwrap();
    symlink(&outside, catalogue.path_of(&id("link"))).unwrap();
    symlink("/nonexistent", catalogue.path_of(&id("dangling"))).unwrap();
    let fifo = std::process::Command::new("mkfifo")
        .arg(catalogue.path_of(&id("fifo")))
        .status();
    assert!(fifo.unwrap().success());
    let huge = File::create(catalogue.path_of(&id("huge"))).unwrap();
    huge.set_len(1 << 30).unwrap();
    fs::write(catalogue.path_of(&id("latin")), b"a: \xe9\n").unwrap();
    fs::write(catalogue.dir().join("Upper.yaml"), "").unwrap();
    fs::write(catalogue.dir().join("short.yml"), "").unwrap();
    fs::write(catalogue.dir().join("README.md"), "").unwrap();

    for name in ["folder", "link", "dangling", "fifo", "huge", "latin"] {
        let error = catalogue.read(&id(name)).unwrap_err();
        assert!(
            matches!(error, CatalogueError::Refused { .. }),
            "{name}: {error}"
        );
        let error = catalogue.create(&id(name), "a: 1\n").unwrap_err();
        let is_kept = matches!(
            error,
            CatalogueError::Refused { .. } | CatalogueError::Exists { .. }
        );
        assert!(is_kept, "{name}: {error}");
    }
    assert_eq!(fs::read_to_string(&outside).unwrap(), "secret: 1\n");
    let listing = catalogue.list().unwrap();
    let refused: Vec<_> = listing
        .refused
        .iter()
        .map(|refused| refused.file_name.as_str())
        .collect();
    let expected = [
        "Upper.yaml",
        "dangling.yaml",
        "fifo.yaml",
        "folder.yaml",
        "huge.yaml",
        "link.yaml",
        "short.yml",
    ];
    assert_eq!(refused, expected);
    let too_large = "x".repeat(MAX_BYTES as usize + 1);
    assert!(matches!(
        catalogue.create(&id("large"), &too_large),
        Err(CatalogueError::Refused { .. })
    ));
}

/// Somebody else puts another file in its place, after it was looked at and before it is opened.
#[test]
fn file_that_is_exchanged_after_the_look_is_not_opened() {
    use super::file::faults::BETWEEN;
    let (dir, catalogue) = catalogue();
    let outside = dir.path().join("outside.yaml");
    fs::write(&outside, "secret: 1\n").unwrap();
    let path = catalogue.path_of(&id("web"));
    let check = |what: &str, exchange: Box<dyn Fn(&Path)>| {
        drop(fs::remove_file(&path));
        catalogue.create(&id("web"), "a: 1\n").unwrap();
        let of = path.clone();
        BETWEEN.set(Some(Box::new(move || {
            fs::remove_file(&of).unwrap();
            exchange(&of);
        })));
        let read = catalogue.read(&id("web"));
        BETWEEN.set(None);
        assert!(read.is_err(), "{what}: {read:?}");
    };
    check(
        "a link",
        Box::new(move |path| symlink(&outside, path).unwrap()),
    );
    // Nobody writes into it: who opened it plainly would wait for ever.
    let make_pipe = |path: &Path| {
        let made = std::process::Command::new("mkfifo").arg(path).status();
        assert!(made.unwrap().success());
    };
    check("a pipe", Box::new(make_pipe));
}

#[test]
fn link_in_the_place_of_the_lock_is_not_written_through() {
    let (dir, catalogue) = catalogue();
    fs::create_dir_all(catalogue.dir()).unwrap();
    let outside = dir.path().join("outside");
    fs::write(&outside, "precious").unwrap();
    symlink(&outside, catalogue.dir().join(".bowline.lock")).unwrap();
    let refused = catalogue.create(&id("web"), "a: 1\n");
    let is_of_lock = matches!(
        refused,
        Err(CatalogueError::Directory { action: "lock", .. })
    );
    assert!(is_of_lock, "{refused:?}");
    assert_eq!(fs::read_to_string(&outside).unwrap(), "precious");
}

#[test]
fn temporaries_of_a_killed_writer_go_at_the_next_write() {
    let (_dir, catalogue) = catalogue();
    catalogue.create(&id("web"), "a: 1\n").unwrap();
    let stray = catalogue.dir().join(".bowline-tmp-1-2");
    fs::write(&stray, "half").unwrap();
    catalogue.create(&id("other"), "a: 1\n").unwrap();
    assert!(!stray.exists());
    assert_eq!(catalogue.list().unwrap().refused, []);
}

/// Several write drafts at once, without a lock: what is fresh may be another's, who is at work.
#[test]
fn temporaries_of_a_killed_writer_of_drafts_go_when_they_are_old() {
    let (dir, catalogue) = catalogue();
    let drafts = Drafts::of(dir.path(), catalogue.dir());
    drafts.keep(&id("web"), "a: 1\n", &base("a: 0\n")).unwrap();
    let folder = drafts_file(dir.path()).parent().unwrap().to_owned();
    let [old, fresh] = ["1-2", "3-4"].map(|name| folder.join(format!(".bowline-tmp-{name}")));
    fs::write(&fresh, "half").unwrap();
    let file = File::create(&old).unwrap();
    let two_minutes_ago = SystemTime::now() - std::time::Duration::from_secs(120);
    file.set_modified(two_minutes_ago).unwrap();
    drafts.keep(&id("web"), "a: 2\n", &base("a: 0\n")).unwrap();
    assert_eq!((old.exists(), fresh.exists()), (false, true));
}

#[test]
fn locked_directory_says_who_holds_it() {
    let (_dir, catalogue) = catalogue();
    let lock = catalogue.lock().unwrap();
    let error = catalogue
        .create(&id("web"), "a: 1\n")
        .unwrap_err()
        .to_string();
    assert!(
        error.contains(&format!("process {}", std::process::id())),
        "{error}"
    );
    drop(lock);
    catalogue.create(&id("web"), "a: 1\n").unwrap();
}

#[test]
fn newest_draft_that_differs_is_found_until_discarded() {
    let (dir, catalogue) = catalogue();
    catalogue.create(&id("web"), "a: 1\n").unwrap();
    let current = catalogue.read(&id("web")).unwrap();
    let drafts = Drafts::of(dir.path(), catalogue.dir());
    assert_eq!(drafts.find(&id("web"), &current).unwrap(), None);

    drafts
        .keep(&id("web"), &current.text, &base(&current.text))
        .unwrap();
    assert_eq!(
        drafts.find(&id("web"), &current).unwrap(),
        None,
        "a draft equal to the file is no loss"
    );
    drafts
        .keep(&id("web"), "a: 2\n", &base(&current.text))
        .unwrap();
    let draft = drafts.find(&id("web"), &current).unwrap().unwrap();
    assert_eq!(
        (draft.text.as_str(), &draft.base),
        ("a: 2\n", &base("a: 1\n"))
    );
    assert_eq!(mode_of(&drafts_file(dir.path())), 0o600);
    assert_eq!(drafts.names(), [id("web")]);

    drafts.discard(&id("web")).unwrap();
    assert_eq!(drafts.find(&id("web"), &current).unwrap(), None);
}

#[test]
fn drafts_of_one_definition_are_bounded_and_the_newest_stays() {
    let (dir, catalogue) = catalogue();
    let drafts = Drafts::of(dir.path(), catalogue.dir());
    for number in 0..15 {
        let base = base(&format!("{number}"));
        drafts
            .keep(&id("web"), &format!("a: {number}\n"), &base)
            .unwrap();
    }
    drafts.keep(&id("db"), "a: 1\n", &base("x")).unwrap();
    let folder = drafts_file(dir.path()).parent().unwrap().to_owned();
    // Each with what it began from.
    let files = fs::read_dir(folder).unwrap().flatten();
    let is_draft = |path: &Path| {
        path.extension()
            .is_some_and(|it| it == "yaml" || it == "base")
    };
    let n_files = files.filter(|file| is_draft(&file.path())).count();
    assert_eq!(n_files, 2 * (10 + 1));
    let current = Text {
        text: String::new(),
        digest: Digest::of(b""),
    };
    let newest = drafts.find(&id("web"), &current).unwrap().unwrap();
    assert_eq!(newest.text, "a: 14\n");
}

/// Whoever is killed while drafts are removed is offered no older text than was saved: that is in the newest.
#[test]
fn newest_draft_is_the_last_that_is_removed() {
    let (dir, catalogue) = catalogue();
    let drafts = Drafts::of(dir.path(), catalogue.dir());
    for number in 0..9 {
        let base = base(&format!("{number}"));
        let text = format!("a: {number}\n");
        drafts.keep(&id("web"), &text, &base).unwrap();
    }
    let folder = drafts_file(dir.path()).parent().unwrap().to_owned();
    let reads = |text: &str| {
        let mut files = fs::read_dir(&folder).unwrap().flatten();
        files.find(|file| fs::read_to_string(file.path()).is_ok_and(|it| it == text))
    };
    // The oldest cannot be removed.
    let oldest = reads("a: 0\n").unwrap().path();
    fs::remove_file(&oldest).unwrap();
    fs::create_dir(&oldest).unwrap();
    let made = fs::File::open(&oldest).unwrap();
    made.set_modified(std::time::SystemTime::UNIX_EPOCH)
        .unwrap();
    drafts.discard(&id("web")).unwrap_err();
    assert!(reads("a: 8\n").is_some());
}

fn drafts_file(state: &Path) -> PathBuf {
    let folder = fs::read_dir(state.join("drafts"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
    let mut files = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path());
    let is_draft = |path: &PathBuf| path.extension().is_some_and(|it| it == "yaml");
    files.find(is_draft).unwrap()
}

/// Two sessions of one user, side by side: what one types is nothing that the other may offer, nor give up.
#[test]
fn what_another_session_is_typing_is_left_to_it_until_it_ends() {
    let (dir, catalogue) = catalogue();
    catalogue.create(&id("web"), "a: 1\n").unwrap();
    let current = catalogue.read(&id("web")).unwrap();
    let [first, second] = [(); 2].map(|()| Drafts::of(dir.path(), catalogue.dir()));
    let base = base(&current.text);
    first.keep(&id("web"), "a: first\n", &base).unwrap();
    assert_eq!(second.find(&id("web"), &current).unwrap(), None);
    assert_eq!(second.names(), []);
    second.keep(&id("web"), "a: second\n", &base).unwrap();
    second.discard(&id("web")).unwrap();
    let text = |drafts: &Drafts| {
        let draft = drafts.find(&id("web"), &current).unwrap();
        draft.map(|draft| draft.text)
    };
    assert_eq!(text(&first).as_deref(), Some("a: first\n"));
    drop(first);
    assert_eq!(text(&second).as_deref(), Some("a: first\n"));
    assert_eq!(second.names(), [id("web")]);
    second.discard(&id("web")).unwrap();
    assert_eq!(text(&second), None);
}

/// Every step of a write fails once, with every error of a disk that is full, over its quota, or broken.
#[test]
fn disk_that_fails_at_any_step_leaves_the_old_text_whole_and_says_what_to_do() {
    use super::file::faults::FAULT;
    const ENOSPC: i32 = 28;
    const EDQUOT: i32 = 122;
    const EIO: i32 = 5;
    let (dir, catalogue) = catalogue();
    let drafts = Drafts::of(dir.path(), catalogue.dir());
    let digest = catalogue.create(&id("web"), "a: 1\n").unwrap();
    drafts.keep(&id("web"), "a: 2\n", &base("a: 1\n")).unwrap();
    for step in ["create", "write", "sync", "rename"] {
        for (code, words) in [
            (
                ENOSPC,
                "No space left on device (os error 28); nothing was changed: make room",
            ),
            (EDQUOT, "(os error 122); nothing was changed: make room"),
            (EIO, "(os error 5)"),
        ] {
            FAULT.set(Some((step, code)));
            let error = catalogue.save(&id("web"), "a: 3\n", &digest).unwrap_err();
            assert!(error.to_string().contains(words), "{step}: {error}");
            let error = catalogue.create(&id("new"), "a: 3\n").unwrap_err();
            assert!(error.to_string().contains(words), "{step}: {error}");
            let kept = drafts.keep(&id("web"), "a: 3\n", &base("a: 1\n"));
            assert!(kept.unwrap_err().to_string().contains(words), "{step}");
            FAULT.set(None);
            let current = catalogue.read(&id("web")).unwrap();
            assert_eq!(current.text, "a: 1\n");
            let draft = drafts.find(&id("web"), &current).unwrap().unwrap();
            assert_eq!(draft.text, "a: 2\n");
            let mut files: Vec<_> = fs::read_dir(catalogue.dir())
                .unwrap()
                .map(|file| file.unwrap().file_name().into_string().unwrap())
                .collect();
            files.sort();
            assert_eq!(files, [".bowline.lock", "web.yaml"], "{step}");
        }
    }
    // And then there is room again.
    catalogue.save(&id("web"), "a: 3\n", &digest).unwrap();
}

#[test]
fn what_is_about_to_be_saved_takes_the_place_of_its_draft() {
    let (dir, catalogue) = catalogue();
    let digest = catalogue.create(&id("web"), "a: 1\n").unwrap();
    let drafts = Drafts::of(dir.path(), catalogue.dir());
    // Without a draft none is made.
    drafts.overtake(&id("web"), "a: 3\n", &digest);
    assert_eq!(drafts.names(), []);
    drafts.keep(&id("web"), "a: 2\n", &base("a: 1\n")).unwrap();
    drafts.overtake(&id("web"), "a: 3\n", &digest);
    catalogue.save(&id("web"), "a: 3\n", &digest).unwrap();
    // Killed here, with the draft still there: it is not less than what is on disk, and so not offered.
    let current = catalogue.read(&id("web")).unwrap();
    assert_eq!(drafts.find(&id("web"), &current).unwrap(), None);
}

#[test]
fn what_an_edit_began_from_is_only_used_where_it_is_still_that() {
    let (dir, catalogue) = catalogue();
    catalogue.create(&id("web"), "theirs: 1\n").unwrap();
    let current = catalogue.read(&id("web")).unwrap();
    let drafts = Drafts::of(dir.path(), catalogue.dir());
    drafts.keep(&id("web"), "a: 2\n", &base("a: 1\n")).unwrap();
    let found = |drafts: &Drafts| drafts.find(&id("web"), &current).unwrap().unwrap().base;
    assert_eq!(found(&drafts), base("a: 1\n"));
    let kept = drafts_file(dir.path()).with_extension("base");
    assert_eq!(mode_of(&kept), 0o600);
    fs::write(&kept, "a: 0\n").unwrap();
    assert_eq!(found(&drafts).text, None);
    drafts.discard(&id("web")).unwrap();
    assert!(!kept.exists());
}

#[test]
fn drafts_that_were_kept_before_the_catalogue_was_made_are_found_behind_a_link() {
    let dir = TempDir::new().unwrap();
    fs::create_dir(dir.path().join("real")).unwrap();
    symlink(dir.path().join("real"), dir.path().join("link")).unwrap();
    let catalogue = Catalogue::at(dir.path().join("link/data/services"));
    let drafts = Drafts::of(dir.path(), catalogue.dir());
    drafts.keep(&id("web"), "a: 2\n", &base("a: 1\n")).unwrap();
    drop(drafts);
    catalogue.create(&id("web"), "a: 1\n").unwrap();
    let current = catalogue.read(&id("web")).unwrap();
    let later = Drafts::of(dir.path(), catalogue.dir());
    let draft = later.find(&id("web"), &current).unwrap();
    assert_eq!(draft.map(|draft| draft.text).as_deref(), Some("a: 2\n"));
}
