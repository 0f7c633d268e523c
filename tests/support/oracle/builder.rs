//! Makes the stream: voices, re-sends, arrays, bursts, deletions, what cannot be read.

use super::voice::{TimeKind, Voice};
use super::{BURSTS, DAY_MS, Effect, HOUR_MS, Oracle, OracleRecord, PARTITIONS, START_MS, WEEKS};
use crate::support::broker::KafkaRecord;
use crate::support::random::Random;
use serde_json::Value;

const BRANDS: [&str; 3] = ["青禾", "南塘", "白石"];
const PRODUCTS: [&str; 10] = [
    "云雀音箱",
    "山雀手环",
    "鹭江路由",
    "棠梨台灯",
    "雨燕耳机",
    "枫林水壶",
    "海棠风扇",
    "松果摄像",
    "蓝鲸净水",
    "石榴插座",
];
const REGIONS: [&str; 8] = ["上海", "广东", "浙江", "四川", "湖北", "北京", "陕西", "福建"];
const COMPLAINTS: [&str; 8] = [
    "登录不了",
    "连不上网",
    "老是断开",
    "按键失灵",
    "充不进电",
    "声音沙哑",
    "发货太慢",
    "客服不理",
];
const PRAISES: [&str; 6] = ["音质很好", "做工精细", "物流很快", "操作简单", "颜值很高", "性价比高"];

/// One record before it has an offset.
struct Draft {
    at: i64,
    topic: usize,
    partition: usize,
    key: Option<Vec<u8>>,
    payload: Option<Vec<u8>>,
    record: OracleRecord,
}

#[derive(Default)]
struct Counts {
    items: usize,
    resends: usize,
    swapped: usize,
    from_both_topics: usize,
    twice_in_a_batch: usize,
    deletions: usize,
    dead: usize,
    arrays: [usize; 3],
}

pub(super) struct Builder {
    random: Random,
    serial: u64,
    drafts: Vec<Draft>,
    count: Counts,
}

impl Builder {
    pub(super) fn new(random: Random) -> Self {
        Self {
            random,
            serial: 0,
            drafts: Vec::new(),
            count: Counts::default(),
        }
    }

    pub(super) fn build(mut self, items: usize) -> Oracle {
        // Arrays of 500 hold a tenth of all items, the two bursts a few hundred more.
        let big_arrays = (items / 5000).max(2);
        for _ in 0..big_arrays {
            let at = self.some_time();
            self.array(at, 500);
            self.count.arrays[2] += 1;
        }
        for (product, week) in BURSTS {
            self.burst(product, week, (items * 3 / 100).max(200));
        }
        while self.count.items < items {
            let at = self.some_time();
            match self.random.below(1000) {
                0..6 => self.unreadable(at),
                6..9 => {
                    self.array(at, 0);
                    self.count.arrays[0] += 1;
                }
                9..20 => {
                    self.array(at, 1);
                    self.count.arrays[1] += 1;
                }
                20..30 => {
                    let size = 2 + self.random.below(6) as usize;
                    self.array(at, size);
                }
                30..40 => self.repost(at),
                _ => self.voice_with_resends(at),
            }
        }
        self.finish()
    }

    fn finish(mut self) -> Oracle {
        // Stable: what was written for the same moment keeps its order.
        self.drafts.sort_by_key(|draft| draft.at);
        let mut records = vec![vec![Vec::new(); PARTITIONS]; 2];
        let mut to_produce = vec![Vec::new(), Vec::new()];
        for draft in self.drafts {
            records[draft.topic][draft.partition].push(draft.record);
            to_produce[draft.topic].push(KafkaRecord {
                partition: draft.partition as i32,
                timestamp_ms: draft.at,
                key: draft.key,
                payload: draft.payload,
            });
        }
        let count = self.count;
        Oracle {
            records,
            to_produce,
            items: count.items,
            resends: count.resends,
            swapped: count.swapped,
            from_both_topics: count.from_both_topics,
            twice_in_a_batch: count.twice_in_a_batch,
            deletions: count.deletions,
            dead: count.dead,
            arrays: count.arrays,
        }
    }

    /// Record time: more in the evening than at night, so that a day has a shape.
    fn some_time(&mut self) -> i64 {
        let day = self.random.between(0, WEEKS * 7);
        let hour = if self.random.chance(750) {
            self.random.between(9, 23)
        } else {
            self.random.between(0, 24)
        };
        START_MS + day * DAY_MS + hour * HOUR_MS + self.random.between(0, HOUR_MS)
    }

    #[allow(clippy::explicit_auto_deref)] // without the stars the type to pick from is not inferred
    fn fresh(&mut self, at: i64) -> Voice {
        self.serial += 1;
        let random = &mut self.random;
        let collected = at - random.between(0, 60_000);
        let delay = match random.below(100) {
            0..80 => random.between(0, 20 * 60_000),
            80..96 => random.between(0, 12 * HOUR_MS),
            _ => random.between(0, 6 * DAY_MS),
        };
        let product = *random.pick(&PRODUCTS);
        let bad = random.chance(400);
        let phrase = if bad {
            *random.pick(&COMPLAINTS)
        } else {
            *random.pick(&PRAISES)
        };
        let text = if random.chance(900) {
            format!("{phrase}{}", self.serial)
        } else {
            // Long enough to be compared as a possible copy, and unlike any other.
            let letters: String = (0..36)
                .filter_map(|_| char::from_u32(0x4E00 + random.below(0x3000) as u32))
                .collect();
            format!("{phrase}，{letters}。")
        };
        Voice {
            id: format!("jd:review:{}", self.serial),
            version: collected,
            published: collected - delay,
            collected,
            product,
            brand: *random.pick(&BRANDS),
            region: *random.pick(&REGIONS),
            author: random.below(1 << 40),
            text,
            rating: if bad {
                random.between(1, 3)
            } else {
                random.between(4, 6)
            },
            time: match random.below(1000) {
                0..8 => TimeKind::Absent,
                8..12 => TimeKind::Future,
                _ => TimeKind::Usable,
            },
        }
    }

    /// The same item as a later crawl saw it.
    fn changed(&mut self, voice: &Voice, version: i64) -> Voice {
        let mut again = voice.clone();
        again.version = version;
        again.collected = version;
        let random = &mut self.random;
        again.rating = random.between(1, 6);
        again.region = *random.pick(&REGIONS);
        if random.chance(500) {
            again.product = *random.pick(&PRODUCTS);
        }
        if random.chance(100) {
            again.published -= random.between(0, 5 * HOUR_MS);
        }
        if random.chance(300) {
            again.text = {
                let complaint = *random.pick(&COMPLAINTS);
                format!("{complaint}{}", random.below(1_000_000))
            };
        }
        again
    }

    fn place(&mut self) -> (usize, usize) {
        (
            self.random.below(2) as usize,
            self.random.below(PARTITIONS as u64) as usize,
        )
    }

    fn push(&mut self, at: i64, (topic, partition): (usize, usize), voice: &Voice) {
        self.count.items += 1;
        self.drafts.push(Draft {
            at,
            topic,
            partition,
            key: Some(voice.id.clone().into_bytes()),
            payload: Some(voice.value().to_string().into_bytes()),
            record: OracleRecord {
                dead: false,
                effects: vec![voice.effect()],
            },
        });
    }

    fn voice_with_resends(&mut self, at: i64) {
        let voice = self.fresh(at);
        let home = self.place();
        self.push(at, home, &voice);
        // 30 % of all items are re-sends: of those that are not in arrays, 6 of 10 come again.
        if !self.random.chance(600) {
            return;
        }
        self.count.resends += 1;
        let other_topic = (1 - home.0, self.random.below(PARTITIONS as u64) as usize);
        match self.random.below(10) {
            // Twice in one batch: right behind itself, newer, older, or the same again.
            0..3 => {
                self.count.twice_in_a_batch += 1;
                let version = voice.version + self.random.between(-1, 2) * 1000;
                let again = if version == voice.version {
                    voice.clone()
                } else {
                    self.changed(&voice, version)
                };
                self.push(at, home, &again);
            }
            // From the other topic, soon after.
            3..6 => {
                self.count.from_both_topics += 1;
                let later = at + self.random.between(0, 2 * HOUR_MS);
                let newer = voice.version + 1 + self.random.between(0, HOUR_MS);
                let again = self.changed(&voice, newer);
                self.push(later, other_topic, &again);
            }
            // Swapped: the older version comes after the newer one.
            6..8 => {
                self.count.swapped += 1;
                let later = at + self.random.between(0, 3 * DAY_MS);
                let older = voice.version - 1 - self.random.between(0, DAY_MS);
                let again = self.changed(&voice, older);
                let where_to = if self.random.chance(500) { home } else { other_topic };
                self.push(later, where_to, &again);
            }
            // Days later.
            8 => {
                let later = at + self.random.between(HOUR_MS, 9 * DAY_MS);
                let again = self.changed(&voice, later - 1);
                self.push(later, home, &again);
            }
            // Deleted: some come again later, newer than the deletion.
            _ => {
                let later = at + self.random.between(1, 5 * DAY_MS);
                self.count.deletions += 1;
                self.drafts.push(Draft {
                    at: later,
                    topic: home.0,
                    partition: home.1,
                    key: Some(voice.id.clone().into_bytes()),
                    payload: None,
                    record: OracleRecord {
                        dead: false,
                        effects: vec![Effect {
                            id: voice.id.clone(),
                            version: later,
                            delete: true,
                            event_ms: None,
                            product: voice.product,
                        }],
                    },
                });
                if self.random.chance(250) {
                    let again = self.changed(&voice, later + 5000);
                    self.push(later + 10_000, home, &again);
                }
            }
        }
    }

    fn array(&mut self, at: i64, size: usize) {
        let place = self.place();
        let mut voices: Vec<Voice> = (0..size).map(|_| self.fresh(at)).collect();
        if size > 3 {
            // An array may hold the same item twice as well.
            let again = self.changed(&voices[0].clone(), voices[0].version + 1);
            let last = size - 1;
            voices[last] = again;
            self.count.twice_in_a_batch += 1;
        }
        self.count.items += size;
        self.drafts.push(Draft {
            at,
            topic: place.0,
            partition: place.1,
            key: None,
            payload: Some(
                Value::Array(voices.iter().map(Voice::value).collect())
                    .to_string()
                    .into_bytes(),
            ),
            record: OracleRecord {
                dead: false,
                effects: voices.iter().map(Voice::effect).collect(),
            },
        });
    }

    /// Copies of one long text, all in one partition so that the first of the group is always the same.
    fn repost(&mut self, at: i64) {
        let place = self.place();
        let mut first = self.fresh(at);
        let letters: String = (0..60)
            .filter_map(|_| char::from_u32(0x4E00 + self.random.below(0x3000) as u32))
            .collect();
        first.text = letters;
        first.time = TimeKind::Usable;
        for copy in 0..4 {
            let later = at + copy * 60_000;
            let mut voice = self.fresh(later);
            voice.text.clone_from(&first.text);
            voice.time = TimeKind::Usable;
            self.push(later, place, &voice);
        }
    }

    /// Complaints about one product over two days of a week.
    fn burst(&mut self, product: &'static str, week: i64, size: usize) {
        for _ in 0..size {
            let at = START_MS + week * 7 * DAY_MS + 2 * DAY_MS + self.random.between(8 * HOUR_MS, 56 * HOUR_MS);
            let mut voice = self.fresh(at);
            voice.product = product;
            // a sentence: a word with a bare number after it may be taken for junk
            voice.text = format!("登录失败，第{}次了", self.serial);
            voice.rating = 1;
            voice.time = TimeKind::Usable;
            let home = self.place();
            self.push(at, home, &voice);
        }
    }

    fn unreadable(&mut self, at: i64) {
        self.serial += 1;
        let serial = self.serial;
        let payload: Vec<u8> = match self.random.below(4) {
            0 => format!("{{\"id\":\"jd:review:x{serial}\",\"text\":\"没有结束").into_bytes(),
            1 => b"{\"id\":\"jd:review:x\",\"text\":\"\xff\xfe\xfd\"}".to_vec(),
            2 => format!("{{\"id\":\"jd:review:x{serial}\",\"version\":1}}").into_bytes(),
            _ => format!("[{}", "[".repeat(300)).into_bytes(),
        };
        let place = self.place();
        self.count.dead += 1;
        self.drafts.push(Draft {
            at,
            topic: place.0,
            partition: place.1,
            key: None,
            payload: Some(payload),
            record: OracleRecord {
                dead: true,
                effects: Vec::new(),
            },
        });
    }
}
