use proptest::prelude::*;

use super::*;

const BASE: &str = "a\nb\nc\nd\ne\nf\n";

/// What each hunk is, and what is merged without a choice.
fn check(mine: &str, theirs: &str, changes: &[Change], text: Option<&str>) {
    let merge = Merge::new(Some(BASE), mine, theirs);
    let found: Vec<Change> = merge.hunks().map(|hunk| hunk.change).collect();
    assert_eq!(
        (found.as_slice(), merge.text().as_deref()),
        (changes, text),
        "{mine:?} {theirs:?}"
    );
}

#[test]
fn what_only_one_side_changed_is_merged_by_itself() {
    let (mine, theirs) = (Change::By(Side::Mine), Change::By(Side::Theirs));
    check(BASE, BASE, &[], Some(BASE));
    check(
        "a\nB\nc\nd\ne\nf\n",
        BASE,
        &[mine],
        Some("a\nB\nc\nd\ne\nf\n"),
    );
    check(
        "a\nB\nc\nd\ne\nf\n",
        "a\nb\nc\nd\nE\nf\n",
        &[mine, theirs],
        Some("a\nB\nc\nd\nE\nf\n"),
    );
    check(
        "a\nb\nc\nd\ne\nf\ng\n",
        "0\na\nb\nc\nd\ne\nf\n",
        &[theirs, mine],
        Some("0\na\nb\nc\nd\ne\nf\ng\n"),
    );
    check(
        "a\nb\nX\nd\ne\nf\n",
        "a\nb\nX\nd\ne\n",
        &[Change::Alike, theirs],
        Some("a\nb\nX\nd\ne\n"),
    );
    // Lines that stand beside each other are merged like others, as keys of YAML are.
    check(
        "a\nB\nc\nd\ne\nf\n",
        "a\nb\nC\nd\ne\nf\n",
        &[mine, theirs],
        Some("a\nB\nC\nd\ne\nf\n"),
    );
    // A missing end of the last line is a change too.
    check(
        "A\nb\nc\nd\ne\nf\n",
        "a\nb\nc\nd\ne\nf",
        &[mine, theirs],
        Some("A\nb\nc\nd\ne\nf"),
    );
}

#[test]
fn what_both_changed_in_other_ways_is_chosen() {
    let (mine, theirs) = ("a\nmine\nc\nd\ne\nf\n", "a\ntheirs\nc\nd\ne\nF\n");
    check(
        mine,
        theirs,
        &[Change::Conflict, Change::By(Side::Theirs)],
        None,
    );
    let mut merge = Merge::new(Some(BASE), mine, theirs);
    assert_eq!(merge.n_undecided(), 1);
    for (decision, expected) in [
        (Decision::Take(Side::Mine), "a\nmine\nc\nd\ne\nF\n"),
        (Decision::Take(Side::Theirs), "a\ntheirs\nc\nd\ne\nF\n"),
        (Decision::Both, "a\nmine\ntheirs\nc\nd\ne\nF\n"),
        (
            Decision::ByHand,
            "a\n<<<<<<< mine\nmine\n||||||| before\nb\n=======\ntheirs\n>>>>>>> theirs\nc\nd\ne\nF\n",
        ),
    ] {
        merge.decide(0, decision);
        assert_eq!(merge.text().as_deref(), Some(expected));
    }
    // What was merged by itself can be taken back.
    merge.decide(1, Decision::Take(Side::Mine));
    merge.decide(0, Decision::Take(Side::Mine));
    assert_eq!(merge.text().as_deref(), Some("a\nmine\nc\nd\ne\nf\n"));
}

#[test]
fn without_what_it_was_every_difference_is_chosen() {
    let mut merge = Merge::new(None, "a\nmine\nc\n", "a\ntheirs\nc\nd\n");
    assert_eq!((merge.hunks().count(), merge.n_undecided()), (2, 2));
    merge.decide(0, Decision::Take(Side::Mine));
    merge.decide(1, Decision::Take(Side::Theirs));
    assert_eq!(merge.text().as_deref(), Some("a\nmine\nc\nd\n"));
}

#[test]
fn last_lines_without_an_end_are_not_glued_together() {
    let mut merge = Merge::new(Some("a\nb"), "a\nmine", "a\ntheirs");
    merge.decide(0, Decision::Both);
    assert_eq!(merge.text().as_deref(), Some("a\nmine\ntheirs"));
    merge.decide(0, Decision::ByHand);
    let marked = "a\n<<<<<<< mine\nmine\n||||||| before\nb\n=======\ntheirs\n>>>>>>> theirs\n";
    assert_eq!(merge.text().as_deref(), Some(marked));
}

fn texts() -> impl Strategy<Value = String> {
    proptest::collection::vec("[ab]{1,2}", 0..8).prop_map(|lines| lines.join("\n"))
}

proptest! {
    /// Nothing of either side is lost: taking one side everywhere gives that side, byte for byte.
    #[test]
    fn each_side_can_be_had_whole(base in texts(), mine in texts(), theirs in texts()) {
        let whole = |side: Side| {
            let mut merge = Merge::new(Some(&base), &mine, &theirs);
            for n in 0..merge.hunks().count() {
                merge.decide(n, Decision::Take(side));
            }
            merge.text().unwrap()
        };
        prop_assert_eq!(whole(Side::Mine), mine.clone());
        prop_assert_eq!(whole(Side::Theirs), theirs.clone());
        // Where only one side changed anything, it is what is merged.
        prop_assert_eq!(Merge::new(Some(&base), &mine, &base).text(), Some(mine.clone()));
        prop_assert_eq!(Merge::new(Some(&base), &base, &theirs).text(), Some(theirs.clone()));
    }
}
