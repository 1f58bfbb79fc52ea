use bowline::service::{detail::Detail, fleet::Fleet, watch::*};
use std::sync::{Arc, Mutex};
#[tokio::main]
async fn main() {
    let args: Vec<String> = std::env::args().collect();
    let cluster = bowline::cluster::connect(&Default::default())
        .await
        .unwrap();
    eprintln!("{cluster:?}");
    let (tx, mut rx) = tokio::sync::mpsc::unbounded_channel();
    let verbose = args.iter().any(|a| a == "-v");
    let start = std::time::Instant::now();
    let mut fleet = Fleet::new();
    let scope = match args.get(1).map(String::as_str) {
        Some("-A") | None => Scope::All,
        Some(ns) => Scope::Namespace(ns.parse().unwrap()),
    };
    let _h = cluster.watch_overview(scope, {
        let tx = tx.clone();
        move |e| {
            let _ = tx.send(e);
        }
    });
    let seconds: u64 = args.get(2).and_then(|s| s.parse().ok()).unwrap_or(3);
    let end = tokio::time::Instant::now() + std::time::Duration::from_secs(seconds);
    let (mut n, mut live) = (0, None);
    while let Ok(Some(event)) = tokio::time::timeout_at(end, rx.recv()).await {
        n += 1;
        if verbose {
            let t = format!("{event:?}");
            eprintln!(
                "{:?} {}",
                start.elapsed(),
                t.chars().take(300).collect::<String>()
            );
        }
        fleet.apply(event, jiff::Timestamp::now());
        if live.is_none() && fleet.is_complete() {
            live = Some(start.elapsed());
        }
    }
    eprintln!(
        "{n} events, complete after {live:?}, {:?} {:?}",
        fleet.connection(),
        fleet.counts()
    );
    for i in fleet
        .instances()
        .filter(|i| i.state() != bowline::service::health::State::Rolling)
        .take(12)
    {
        println!(
            "{} {:?} ready {}/{} pods {:?} vol {:?} {:?}",
            i.key(),
            i.health(),
            i.ready(),
            i.wanted(),
            i.pods(),
            i.volumes(),
            i.image()
        );
    }
    if let Some(id) = args.get(3).filter(|a| *a != "-v") {
        let (ns, id) = id.split_once('/').unwrap();
        let key = bowline::service::summary::InstanceKey {
            namespace: ns.parse().unwrap(),
            id: id.parse().unwrap(),
        };
        let detail = Arc::new(Mutex::new(Detail::new(key.clone())));
        let d = detail.clone();
        let _h = cluster.watch_instance(&key, move |e| d.lock().unwrap().apply(e));
        tokio::time::sleep(std::time::Duration::from_secs(2)).await;
        let d = detail.lock().unwrap();
        println!(
            "{}",
            serde_json::to_string_pretty(&bowline::service::status::of_detail(
                &d,
                None,
                jiff::Timestamp::now()
            ))
            .unwrap()
        );
        for o in d.objects() {
            println!("{} {:?}", o.key, o.owner);
        }
        for o in d.events() {
            println!(
                "{} {} {} {}",
                o.object_kind, o.object_name, o.reason, o.message
            );
        }
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    eprintln!(
        "{}",
        status.lines().find(|l| l.starts_with("VmHWM")).unwrap()
    );
}
