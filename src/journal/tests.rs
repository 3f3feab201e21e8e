//! The journal on real files.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::*;

/// Small enough to have many files.
const SMALL: Sizes = Sizes { segment: 1000, kept: 4000 };

fn payload(sequence: u64) -> Bytes {
    Bytes::from(format!("commit {sequence} ").repeat(4))
}

fn small(dir: &Path) -> Journal {
    Journal::sized(dir, SMALL).unwrap()
}

async fn append(journal: &Journal, sequences: impl Iterator<Item = u64>) {
    for it in sequences {
        journal.append(it, payload(it)).await.unwrap();
    }
}

/// All from a sequence on, page by page.
async fn all(journal: &Journal, first: u64) -> Vec<u64> {
    let mut found = vec![];
    loop {
        let page = journal.from(first + found.len() as u64).await.unwrap();
        if page.is_empty() {
            return found;
        }
        for (sequence, bytes) in page {
            assert_eq!(bytes, payload(sequence));
            found.push(sequence);
        }
    }
}

fn files(dir: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(dir.join(DIRECTORY)).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|it| it.unwrap().path()).collect();
    paths.sort();
    paths
}

#[tokio::test]
async fn what_was_appended_is_there_now_and_when_it_is_opened_again() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(dir.path()).unwrap();
    assert_eq!((journal.last(), journal.get(1).await.unwrap()), (None, None));
    append(&journal, 5..=9).await;
    for reopened in [false, true] {
        let journal = if reopened { Journal::open(dir.path()).unwrap() } else { journal.clone() };
        assert_eq!(journal.last(), Some(9));
        assert_eq!(journal.get(7).await.unwrap(), Some(payload(7)));
        assert_eq!(journal.get(4).await.unwrap(), None);
        assert_eq!(all(&journal, 6).await, [6, 7, 8, 9]);
        assert_eq!(all(&journal, 4).await, [0; 0]);
    }
}

#[tokio::test]
async fn a_lost_commit_is_not_there_until_another_stands_in_its_place() {
    let dir = tempfile::tempdir().unwrap();
    let journal = small(dir.path());
    append(&journal, 1..=2).await;
    journal.append(3, Bytes::from_static(b"ours")).await.unwrap();
    journal.lost(3).await.unwrap();
    drop(journal);
    let journal = small(dir.path());
    assert_eq!((journal.last(), journal.get(3).await.unwrap()), (Some(2), None));
    assert_eq!(all(&journal, 1).await, [1, 2]);
    append(&journal, 3..=4).await;
    drop(journal);
    let journal = small(dir.path());
    assert_eq!((journal.last(), all(&journal, 1).await), (Some(4), vec![1, 2, 3, 4]));
}

#[tokio::test]
async fn a_commit_that_is_lost_in_a_later_file_is_lost() {
    let dir = tempfile::tempdir().unwrap();
    let journal = small(dir.path());
    append(&journal, 1..=10).await;
    assert_eq!(files(dir.path()).len(), 1);
    append(&journal, 11..=20).await;
    assert_eq!(files(dir.path()).len(), 2);
    journal.lost(3).await.unwrap();
    assert_eq!(all(&journal, 1).await, [1, 2]);
    assert_eq!(all(&journal, 4).await, (4..=20).collect::<Vec<_>>());
}

#[tokio::test]
async fn the_writing_begins_with_the_call() {
    let dir = tempfile::tempdir().unwrap();
    let journal = small(dir.path());
    drop(journal.append(1, payload(1)));
    wait_for(&journal, 1).await;
}

async fn wait_for(journal: &Journal, sequence: u64) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while journal.last() != Some(sequence) {
        assert!(Instant::now() < deadline, "{sequence} is not there");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_note_is_there_soon_and_at_the_latest_when_the_journal_is_dropped() {
    let dir = tempfile::tempdir().unwrap();
    let journal = small(dir.path());
    journal.note(1, payload(1));
    wait_for(&journal, 1).await;
    journal.note(2, payload(2));
    // What is waited for takes along what came before.
    journal.append(3, payload(3)).await.unwrap();
    assert_eq!(all(&journal, 1).await, [1, 2, 3]);
    journal.note(4, payload(4));
    drop(journal);
    assert_eq!(small(dir.path()).last(), Some(4));
}

#[tokio::test]
async fn the_newest_are_kept_and_no_more_than_may_be() {
    let dir = tempfile::tempdir().unwrap();
    for round in 0..10 {
        let journal = small(dir.path());
        append(&journal, round * 20 + 1..=round * 20 + 20).await;
    }
    let paths = files(dir.path());
    let bytes: u64 = paths.iter().map(|it| it.metadata().unwrap().len()).sum();
    assert!(paths.len() == 4 && bytes <= SMALL.kept, "{bytes} bytes in {paths:?}");
    let journal = small(dir.path());
    assert_eq!((journal.last(), journal.get(1).await.unwrap()), (Some(200), None));
    let first = (1..=200).find(|it| journal.inner.store.lock().held.end_of(*it).is_some()).unwrap();
    assert!(first < 170, "{first}");
    assert_eq!(all(&journal, first).await, (first..=200).collect::<Vec<_>>());
}

#[tokio::test]
async fn no_flipped_bit_makes_another_commit() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(dir.path()).unwrap();
    append(&journal, 1..=3).await;
    journal.lost(3).await.unwrap();
    append(&journal, 3..=4).await;
    let end = journal.inner.store.lock().segments[0].end as usize;
    drop(journal);
    let [path] = &files(dir.path())[..] else { panic!("one file") };
    let mut whole = fs::read(path).unwrap();
    whole.truncate(end + 3);
    for bit in 0..whole.len() * 8 {
        let mut bytes = whole.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        fs::write(path, &bytes).unwrap();
        let (segment, damage) = segment::Segment::scan(path.parent().unwrap(), 1).unwrap();
        // What is said to be damaged is the record that has the bit, or one before it.
        assert!(segment.end as usize <= bit / 8, "bit {bit} is not found");
        let last = bit / 8 >= start_of(&whole, 5);
        assert_eq!(damage.is_some(), !last, "bit {bit}: {damage:?}");
        let damage = damage.map(|it| it.offset);
        assert!(damage.is_none_or(|it| it == segment.end && it as usize <= bit / 8), "{damage:?}");
    }
    // And while it is open.
    fs::write(path, &whole).unwrap();
    let journal = Journal::open(dir.path()).unwrap();
    for byte in 0..end {
        let mut bytes = whole.clone();
        bytes[byte] ^= 0xff;
        fs::write(path, &bytes).unwrap();
        for sequence in 1..=4 {
            match journal.get(sequence).await {
                Ok(found) => panic!("{found:?} in spite of byte {byte}"),
                Err(Error::Damaged { offset, .. }) => assert!(offset <= byte as u64),
                Err(error) => panic!("{error}"),
            }
        }
    }
}

/// Where a record begins.
fn start_of(bytes: &[u8], record: usize) -> usize {
    let (mut offset, mut starts) = (0, vec![]);
    segment::each(bytes, &mut offset, |it| starts.push(it.payload.start - record::HEAD_BYTES));
    starts[record]
}

#[tokio::test]
async fn a_torn_end_leaves_what_is_before_it_and_is_written_over() {
    let dir = tempfile::tempdir().unwrap();
    append(&small(dir.path()), 1..=3).await;
    let [path] = &files(dir.path())[..] else { panic!("one file") };
    let whole = fs::read(path).unwrap();
    let bounds: Vec<usize> = (1..3).map(|it| start_of(&whole, it)).collect();
    let end = bounds[1] + (bounds[1] - bounds[0]);
    for length in 0..=end + 2 {
        let last = bounds.iter().filter(|it| **it <= length).count() as u64;
        let whole_ones = if length >= end { 3 } else { last };
        for ahead in [0, 100] {
            let mut bytes = whole[..length].to_vec();
            bytes.resize(length + ahead, 0);
            fs::write(path, bytes).unwrap();
            let journal = small(dir.path());
            assert_eq!(journal.last().unwrap_or(0), whole_ones, "{length} bytes");
            assert_eq!(journal.damage(), []);
            append(&journal, whole_ones + 1..=4).await;
            drop(journal);
            let journal = small(dir.path());
            assert_eq!((journal.damage(), all(&journal, 1).await), (&[][..], vec![1, 2, 3, 4]));
        }
    }
}

#[tokio::test]
async fn damage_is_told_and_not_written_on() {
    let dir = tempfile::tempdir().unwrap();
    append(&small(dir.path()), 1..=5).await;
    let path = files(dir.path()).remove(0);
    let mut bytes = fs::read(&path).unwrap();
    let offset = start_of(&bytes, 2);
    bytes[offset + 30] ^= 1;
    fs::write(&path, &bytes).unwrap();
    for _ in 0..2 {
        let journal = small(dir.path());
        assert_eq!(journal.damage(), [Damage { path: path.clone(), offset: offset as u64 }]);
        assert_eq!(all(&journal, 1).await, [1, 2]);
        append(&journal, 6..=7).await;
        assert_eq!((journal.last(), all(&journal, 6).await), (Some(7), vec![6, 7]));
        assert_eq!(fs::read(&path).unwrap(), bytes, "it stays as evidence");
    }
}

#[tokio::test]
async fn another_format_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    append(&small(dir.path()), 1..=1).await;
    let path = files(dir.path()).remove(0);
    let mut bytes = vec![];
    record::write(&mut bytes, 1, Kind::Commit, b"x");
    bytes[3] = 2;
    let crc = crc32fast::hash(&[&bytes[..12], &bytes[16..]].concat());
    bytes[12..16].copy_from_slice(&crc.to_le_bytes());
    fs::write(&path, &bytes).unwrap();
    let error = Journal::open(dir.path()).unwrap_err();
    assert!(matches!(error, Error::Version { version: 2, offset: 0, .. }), "{error}");
}

#[tokio::test]
async fn what_fits_no_file_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let journal = small(dir.path());
    let large = Bytes::from(vec![1; 977]);
    let error = journal.append(1, large.clone()).await.unwrap_err();
    assert!(matches!(error, Error::TooLarge { bytes: 977, most: 976 }), "{error}");
    journal.append(1, large.slice(1..)).await.unwrap();
    journal.append(2, large.slice(1..)).await.unwrap();
    assert_eq!(journal.get(2).await.unwrap(), Some(large.slice(1..)));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_full_disk_is_said_and_the_next_append_goes_on_when_there_is_space() {
    let dir = tempfile::tempdir().unwrap();
    let journal = small(dir.path());
    append(&journal, 1..=10).await;
    let next = files(dir.path()).remove(0).with_file_name("0000000002.journal");
    for _ in 0..2 {
        std::os::unix::fs::symlink("/dev/full", &next).unwrap();
        let mut failed = journal.append(11, payload(11)).await;
        for _ in 0..10 {
            if failed.is_err() {
                break;
            }
            failed = journal.append(11, payload(11)).await;
        }
        let error = failed.unwrap_err();
        assert!(matches!(error, Error::Full { .. }), "{error:?}");
        assert!(error.to_string().contains("the disk is full: free some space"), "{error}");
        assert!(journal.last() <= Some(11));
    }
    append(&journal, 11..=20).await;
    assert_eq!(all(&journal, 1).await, (1..=20).collect::<Vec<_>>());
    drop(journal);
    assert_eq!(all(&small(dir.path()), 1).await, (1..=20).collect::<Vec<_>>());
}

#[cfg(unix)]
#[tokio::test]
async fn nobody_else_can_read_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let dir = tempfile::tempdir().unwrap();
    append(&small(dir.path()), 1..=20).await;
    let mode = |it: &Path| it.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir.path().join(DIRECTORY)), 0o700);
    assert!(files(dir.path()).iter().all(|it| mode(it) == 0o600));
}

#[tokio::test]
async fn many_at_once_are_all_there() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::open(dir.path()).unwrap();
    let appended: Vec<_> = (1..=5000).map(|it| journal.append(it, payload(it))).collect();
    for it in appended {
        it.await.unwrap();
    }
    assert_eq!(all(&journal, 1).await, (1..=5000).collect::<Vec<_>>());
}

#[test]
fn notes_have_room_for_so_much_and_what_is_waited_for_is_taken_all_the_same() {
    let queue = Queue::default();
    let entry = |sequence, answer| {
        let payload = Bytes::from(vec![0; 1024 * 1024]);
        Entry { sequence, kind: Kind::Commit, payload, answer }
    };
    (1..=20).for_each(|it| queue.note(entry(it, None)));
    let (answer, _answered) = tokio::sync::oneshot::channel();
    queue.push(entry(21, Some(answer)));
    queue.close();
    let taken = std::iter::from_fn(|| queue.take());
    let taken: Vec<u64> = taken.flatten().map(|it| it.sequence).collect();
    assert_eq!(taken, (1..=15).chain([21]).collect::<Vec<_>>());
}
