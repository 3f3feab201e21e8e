//! A question has its time, and whoever asks a short one does not wait for those that ask long ones.

use std::time::{Duration, Instant};

use rusqlite::Connection;

use crate::readers::LONG_SLOTS;
use crate::store::path;
use crate::{Error, Patience, Readers, Store, licenses};

/// What anything takes that is done at once, on a slow machine.
const AT_ONCE: Duration = Duration::from_millis(900);

/// Counts without an end.
fn for_ever(db: &Connection) -> Result<i64, Error> {
    let count =
        "WITH RECURSIVE c(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM c) SELECT count(*) FROM c";
    Ok(db.query_row(count, [], |row| row.get(0))?)
}

/// The same, of small questions.
fn again_and_again(db: &Connection) -> Result<i64, Error> {
    loop {
        db.prepare_cached("SELECT sequence FROM checkpoint")?.query_row([], |_| Ok(()))?;
    }
}

fn short(db: &Connection) -> Result<i64, Error> {
    Ok(db.query_row("SELECT 1", [], |row| row.get(0))?)
}

fn readers(dir: &tempfile::TempDir, slots: usize) -> Readers {
    drop(Store::open(dir.path(), &licenses::MODEL).unwrap());
    Readers::new(&path(dir.path(), &licenses::MODEL), &licenses::MODEL, slots)
}

fn in_ms(millis: u64) -> Patience {
    Patience::until(Instant::now() + Duration::from_millis(millis))
}

#[test]
fn a_question_ends_with_its_time_and_its_slot_is_free() {
    let dir = tempfile::tempdir().unwrap();
    let readers = readers(&dir, 1);
    for question in [for_ever, again_and_again] {
        let begin = Instant::now();
        assert!(matches!(readers.with(question), Err(Error::TooLong)));
        assert!(begin.elapsed() >= Duration::from_millis(900), "{:?}", begin.elapsed());
        assert_eq!(readers.with(short).unwrap(), 1);
        for _ in 0..2 * LONG_SLOTS {
            let begin = Instant::now();
            assert!(matches!(readers.with_long(&in_ms(100), question), Err(Error::TooLong)));
            assert!(
                begin.elapsed() < Duration::from_millis(100) + AT_ONCE,
                "{:?}",
                begin.elapsed()
            );
            assert_eq!(readers.with_long(&in_ms(10_000), short).unwrap(), 1);
        }
    }
}

#[test]
fn short_questions_do_not_wait_for_long_ones() {
    let dir = tempfile::tempdir().unwrap();
    let readers = readers(&dir, 1);
    let patience = in_ms(60_000);
    std::thread::scope(|scope| {
        let ask = || readers.with_long(&patience, for_ever);
        let long: Vec<_> = (0..2 * LONG_SLOTS).map(|_| scope.spawn(ask)).collect();
        std::thread::sleep(Duration::from_millis(200));
        for _ in 0..100 {
            let begin = Instant::now();
            assert_eq!(readers.with(short).unwrap(), 1);
            assert!(begin.elapsed() < AT_ONCE, "{:?}", begin.elapsed());
        }
        // Nobody waits for them any more.
        patience.lose();
        let begin = Instant::now();
        for it in long {
            assert!(matches!(it.join().unwrap(), Err(Error::TooLong)));
        }
        assert!(begin.elapsed() < 2 * AT_ONCE, "{:?}", begin.elapsed());
    });
    assert_eq!(readers.with_long(&in_ms(10_000), short).unwrap(), 1);
}
