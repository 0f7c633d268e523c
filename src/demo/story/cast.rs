//! Who and what the story is about: an invented maker of household devices, two invented rivals, and the people who
//! talk about them. None of these names occurs anywhere else in the product (`tests/demo_words.rs`).

use super::rng::StoryRng;

/// Words that only this story knows.
pub const INVENTED_WORDS: [&str; 3] = ["枥屿", "朔柚", "咕蓬"];
/// The company whose customers we listen to.
pub const COMPANY: &str = INVENTED_WORDS[0];
/// Its app, whose second release breaks the login.
pub const APP: &str = "枥屿智家";

#[derive(Debug)]
pub struct Brand {
    pub name: &'static str,
    pub share: u32,
    pub products: [Product; 4],
}

#[derive(Debug)]
pub struct Product {
    /// Short model name, as customers write it.
    pub model: &'static str,
    /// Name in the catalogue.
    pub name: &'static str,
    /// Which fragments fit: `robot` `fryer` `humid` `lock`.
    pub kind: &'static str,
    pub share: u32,
    pub sku_id: u64,
}

const fn product(model: &'static str, name: &'static str, kind: &'static str, share: u32, sku_id: u64) -> Product {
    Product {
        model,
        name,
        kind,
        share,
        sku_id,
    }
}

pub static BRANDS: [Brand; 3] = [
    Brand {
        name: COMPANY,
        share: 64,
        products: [
            product("S7", "枥屿S7扫拖机器人", "robot", 44, 100_730_001_101),
            product("K2", "枥屿K2空气炸锅", "fryer", 20, 100_730_001_202),
            product("M1", "枥屿M1加湿器", "humid", 15, 100_730_001_303),
            product("L5", "枥屿L5智能门锁", "lock", 21, 100_730_001_404),
        ],
    },
    Brand {
        name: INVENTED_WORDS[1],
        share: 22,
        products: [
            product("V8", "朔柚V8扫拖机器人", "robot", 50, 100_840_002_101),
            product("A3", "朔柚A3空气炸锅", "fryer", 25, 100_840_002_202),
            product("H2", "朔柚H2加湿器", "humid", 10, 100_840_002_303),
            product("D6", "朔柚D6智能门锁", "lock", 15, 100_840_002_404),
        ],
    },
    Brand {
        name: INVENTED_WORDS[2],
        share: 14,
        products: [
            product("R3", "咕蓬R3扫拖机器人", "robot", 40, 100_950_003_101),
            product("F5", "咕蓬F5空气炸锅", "fryer", 30, 100_950_003_202),
            product("N1", "咕蓬N1加湿器", "humid", 20, 100_950_003_303),
            product("P2", "咕蓬P2智能门锁", "lock", 10, 100_950_003_404),
        ],
    },
];

impl Brand {
    pub fn company() -> &'static Brand {
        &BRANDS[0]
    }

    /// Any brand, by its share of the talk.
    pub fn any(rng: &mut StoryRng) -> &'static Brand {
        &BRANDS[rng.weighted(BRANDS.iter().map(|brand| brand.share))]
    }

    pub fn is_company(&self) -> bool {
        self.name == COMPANY
    }

    pub fn any_product(&'static self, rng: &mut StoryRng) -> &'static Product {
        &self.products[rng.weighted(self.products.iter().map(|product| product.share))]
    }

    /// A rival's name, as this brand's customers would compare.
    pub fn rival(&self, rng: &mut StoryRng) -> &'static str {
        let others: Vec<&str> = INVENTED_WORDS
            .iter()
            .copied()
            .filter(|name| *name != self.name)
            .collect();
        rng.pick(&others, INVENTED_WORDS[1])
    }
}

const REGIONS: [(&str, u32); 20] = [
    ("广东", 15),
    ("江苏", 11),
    ("浙江", 10),
    ("山东", 9),
    ("河南", 7),
    ("四川", 8),
    ("湖北", 6),
    ("上海", 7),
    ("北京", 7),
    ("福建", 5),
    ("湖南", 5),
    ("安徽", 5),
    ("河北", 5),
    ("陕西", 4),
    ("重庆", 4),
    ("辽宁", 4),
    ("江西", 3),
    ("广西", 3),
    ("天津", 3),
    ("云南", 3),
];
const CITIES: [&str; 14] = [
    "成都", "杭州", "武汉", "长沙", "苏州", "西安", "青岛", "厦门", "南京", "郑州", "合肥", "昆明", "宁波", "重庆",
];
const NAME_HEADS: [&str; 30] = [
    "爱吃",
    "不吃",
    "熬夜的",
    "早睡的",
    "想养",
    "路过的",
    "江边",
    "北方",
    "南巷",
    "快乐的",
    "摸鱼",
    "认真",
    "阿",
    "小",
    "老",
    "大",
    "一只",
    "半颗",
    "云上",
    "雨天",
    "西瓜味",
    "话多的",
    "社恐",
    "楼下",
    "隔壁",
    "追风",
    "种菜",
    "存钱的",
    "省电",
    "慢半拍",
];
const NAME_TAILS: [&str; 30] = [
    "糖糖",
    "陈皮",
    "柚子茶",
    "橘猫",
    "柯基",
    "豆包",
    "米粒",
    "番茄",
    "老王",
    "周周",
    "小鱼",
    "木木",
    "石头",
    "阿月",
    "团子",
    "芋圆",
    "青椒",
    "二毛",
    "栗子",
    "奶盖",
    "山楂",
    "丸子",
    "麦子",
    "七七",
    "大橙",
    "布丁",
    "刘同学",
    "小李",
    "海盐",
    "松鼠",
];

pub fn region(rng: &mut StoryRng) -> &'static str {
    REGIONS[rng.weighted(REGIONS.iter().map(|(_, weight)| *weight))].0
}

pub fn city(rng: &mut StoryRng) -> &'static str {
    rng.pick(&CITIES, CITIES[0])
}

/// Somebody with a stable id and name. The pool is large: most people speak once or twice in ten weeks.
#[derive(Debug, Clone)]
pub struct Person {
    pub number: u64,
    pub name: String,
    pub region: &'static str,
}

const PEOPLE: u64 = 60_000;

pub fn person(rng: &mut StoryRng) -> Person {
    let number = rng.below(PEOPLE);
    let mut own = StoryRng::stream(0, "person", number);
    let mut name = format!("{}{}", own.pick(&NAME_HEADS, "小"), own.pick(&NAME_TAILS, "李"));
    if own.chance(0.4) {
        name.push_str(&own.between(1, 999).to_string());
    }
    Person {
        number,
        name,
        region: region(&mut own),
    }
}

impl Person {
    /// As shopping platforms show names: first and last character.
    pub fn masked_name(&self) -> String {
        match (self.name.chars().next(), self.name.chars().last()) {
            (Some(first), Some(last)) => format!("{first}***{last}"),
            _ => "*".into(),
        }
    }
}

/// A telephone number of the range that is safe to print.
pub fn phone(rng: &mut StoryRng) -> String {
    format!("138001380{:02}", rng.below(100))
}

pub fn email(rng: &mut StoryRng) -> String {
    format!(
        "{}{}@example.com",
        rng.pick(&["lin", "chen", "xiaoyu", "wang", "hui"], "li"),
        rng.between(10, 999)
    )
}
