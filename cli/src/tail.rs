//! `drawbridge tail`: follows a topic of the local topic log.

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use host::local::{Entry, TopicReader};
use host::{TOPICS_FOLDER, TopicName};

use crate::flags::{DEFAULT_DATA, DEFAULT_PROJECT};

/// How often the end of the log is looked at again: quick for an eye, cheap for a disk.
const LOOK_EVERY: Duration = Duration::from_millis(50);

#[derive(clap::Args)]
#[command(after_help = "Examples:\n  drawbridge tail events\n  drawbridge tail projects/demo/topics/events --from 1000 --json")]
pub(crate) struct Args {
    /// The topic: `projects/{project}/topics/{topic}`, or its last part alone.
    topic: String,
    /// The data folder of `drawbridge up`.
    #[arg(long, env = "DRAWBRIDGE_DATA", default_value = DEFAULT_DATA)]
    data: PathBuf,
    /// The project of a topic that is given by its last part alone.
    #[arg(long, env = "DRAWBRIDGE_PROJECT", default_value = DEFAULT_PROJECT)]
    project: String,
    /// Offset of the first message to print.
    #[arg(long, default_value_t = 0)]
    from: u64,
    /// One JSON object a line, payload in base64.
    #[arg(long)]
    json: bool,
    /// Stop at the end instead of waiting for more.
    #[arg(long)]
    no_follow: bool,
}

pub(crate) fn run(args: &Args) -> anyhow::Result<()> {
    let full = if args.topic.contains('/') { args.topic.clone() } else { format!("projects/{}/topics/{}", args.project, args.topic) };
    let topic: TopicName = full.parse()?;
    let root = args.data.join(TOPICS_FOLDER);
    let mut reader = TopicReader::new(&root, &topic, args.from);
    let mut out = io::stdout().lock();
    loop {
        match reader.next_entry().with_context(|| format!("topic log in {}", root.display()))? {
            Some(entry) => {
                if let Err(e) = print(&mut out, &entry, args.json) {
                    // The reader of a pipe has seen enough.
                    return if e.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(e.into()) };
                }
            }
            None if args.no_follow => return Ok(()),
            None => {
                out.flush()?;
                std::thread::sleep(LOOK_EVERY);
            }
        }
    }
}

fn print(out: &mut impl io::Write, entry: &Entry, json: bool) -> io::Result<()> {
    if json {
        serde_json::to_writer(&mut *out, entry)?;
        return writeln!(out);
    }
    let attribute = |name: &str| entry.attributes.get(name).map_or("", String::as_str);
    let payload = entry.payload();
    let text = match std::str::from_utf8(&payload) {
        Ok(text) if !text.contains(|c: char| c.is_control() && c != '\t') => text.to_owned(),
        _ => format!("({} bytes) {}", payload.len(), entry.data),
    };
    writeln!(out, "{} {:>8} {} {:<12} {text}", entry.publish_time, entry.offset, attribute("deviceId"), attribute("subFolder"))
}
