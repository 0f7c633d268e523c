//! The shapes that are planted, and those that only look alike.

/// SplitMix64.
pub(super) struct Rng(pub(super) u64);

impl Rng {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    pub(super) fn between(&mut self, from: u64, to: u64) -> u64 {
        from + self.below(to - from + 1)
    }

    pub(super) fn pick<'a, T: ?Sized>(&mut self, of: &[&'a T]) -> &'a T {
        of[self.below(of.len() as u64) as usize]
    }

    pub(super) fn digits(&mut self, count: usize) -> String {
        (0..count).map(|_| char::from(b'0' + self.below(10) as u8)).collect()
    }

    pub(super) fn letters(&mut self, count: usize) -> String {
        (0..count).map(|_| char::from(b'a' + self.below(26) as u8)).collect()
    }
}

pub(super) fn mobile(rng: &mut Rng) -> String {
    format!("1{}{}", rng.between(3, 9), rng.digits(9))
}

fn in_numerals(digits: &str, numerals: &str) -> String {
    let numerals: Vec<char> = numerals.chars().collect();
    digits
        .chars()
        .map(|c| c.to_digit(10).map_or(c, |value| numerals[value as usize]))
        .collect()
}

fn identity_card(rng: &mut Rng) -> String {
    let body = format!(
        "{}{}{:02}{:02}{}",
        rng.pick(&["110105", "310115", "440305", "510107", "320102", "650102"]),
        rng.between(1950, 2008),
        rng.between(1, 12),
        rng.between(1, 28),
        rng.digits(3)
    );
    let weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];
    let sum: u32 = body
        .bytes()
        .zip(weights)
        .map(|(b, weight)| u32::from(b - b'0') * weight)
        .sum();
    format!("{body}{}", b"10X98765432"[(sum % 11) as usize] as char)
}

fn bank_card(rng: &mut Rng) -> String {
    let (prefix, length) = match rng.below(4) {
        0 => ("622202", 19),
        1 => ("621700", 19),
        2 => ("622588", 16),
        _ => ("955880", 19),
    };
    let body = format!("{prefix}{}", rng.digits(length - 7));
    let sum: u32 = body
        .bytes()
        .rev()
        .enumerate()
        .map(|(index, b)| {
            let value = u32::from(b - b'0') << ((index + 1) % 2);
            if value > 9 { value - 9 } else { value }
        })
        .sum();
    format!("{body}{}", (10 - sum % 10) % 10)
}

fn groups(value: &str, lengths: &[usize], separator: &str) -> String {
    let mut rest = value;
    let mut parts = Vec::new();
    for length in lengths {
        let (part, more) = rest.split_at((*length).min(rest.len()));
        parts.push(part);
        rest = more;
    }
    if !rest.is_empty() {
        parts.push(rest);
    }
    parts.join(separator)
}

fn name(rng: &mut Rng) -> String {
    format!(
        "{}{}",
        rng.pick(&["王", "李", "张", "刘", "陈", "赵", "周", "欧阳", "林", "郑"]),
        rng.pick(&["伟", "小红", "建国", "梓涵", "芳", "志强", "丽", "雨桐"])
    )
}

/// (what is written, what must not be left of it), by shape.
pub(super) fn planted(rng: &mut Rng, shape: usize) -> (String, String) {
    let phone = mobile(rng);
    let lead = rng.pick(&["电话", "手机号", "联系我", "打", "请回", "", "我的号码是", "加我"]);
    let same = |value: String| (value.clone(), value);
    let with = |before: &str, value: String| (format!("{before}{value}"), value);
    match shape {
        0 => with(lead, phone),
        1 => with(lead, groups(&phone, &[3, 4], " ")),
        2 => with(lead, groups(&phone, &[3, 4], "-")),
        3 => with(lead, groups(&phone, &[3, 4], ".")),
        4 => with(lead, in_numerals(&phone, "０１２３４５６７８９")),
        5 => with(lead, in_numerals(&phone, "零一二三四五六七八九")),
        6 => with(lead, in_numerals(&phone, "零幺二三四五六七八九")),
        7 => with(lead, in_numerals(&phone, "〇一二三四五六七八九")),
        8 => with(lead, in_numerals(&phone, "零壹贰叁肆伍陆柒捌玖")),
        9 => with(
            lead,
            format!(
                "{}{}{}",
                &phone[..3],
                in_numerals(&phone[3..7], "零一二三四五六七八九"),
                &phone[7..]
            ),
        ),
        10 => with("+86", phone),
        11 => with("+86 ", groups(&phone, &[3, 4], " ")),
        12 => with("0086", phone),
        13 => with(
            lead,
            phone
                .chars()
                .map(|c| format!("{c} "))
                .collect::<String>()
                .trim()
                .to_owned(),
        ),
        14 => with(lead, groups(&phone, &[3, 4], "\u{200b}")),
        15 => (format!("tel{phone}abc"), phone),
        16 => with(lead, groups(&phone, &[3, 4], "—")),
        17 => with(&format!("{lead}（"), format!("{}）{}", &phone[..3], &phone[3..])),
        18 => with(lead, phone.replace('0', "O")),
        19 => with(lead, in_numerals(&phone, "⓪①②③④⑤⑥⑦⑧⑨")),
        20 => {
            let area = rng.pick(&["010", "021", "0755", "0371", "028", "0571"]);
            let local = format!("{}{}", rng.between(2, 8), rng.digits(7));
            (format!("{area}{}{local}", rng.pick(&["-", " ", ""])), local)
        }
        21 => {
            let local = format!("{}{}", rng.between(2, 8), rng.digits(6));
            (format!("（0{}）{local}", rng.between(311, 319)), local)
        }
        22 => with("座机", format!("8{}", rng.digits(7))),
        23 => (
            format!("邮箱{0}{1}@{2}", rng.letters(5), rng.digits(3), "qq.com"),
            String::new(),
        ),
        24 => (
            format!("写信到{}.{}@mail.example.cn", rng.letters(4), rng.letters(4)),
            String::new(),
        ),
        25 => {
            let local = format!("{}{}", rng.letters(4), rng.digits(4));
            (format!("{local} (at) 163.com"), local)
        }
        26 => {
            let local = rng.digits(9);
            (format!("{local}艾特qq点com"), local)
        }
        27 => same(identity_card(rng)),
        28 => {
            let card = identity_card(rng);
            same(groups(&card, &[6, 8], " "))
        }
        29 => same(identity_card(rng).to_lowercase()),
        30 => same(format!(
            "{}{:02}{:02}{:02}{}",
            "110105",
            rng.between(50, 99),
            rng.between(1, 12),
            rng.between(1, 28),
            rng.digits(3)
        )),
        31 => same(bank_card(rng)),
        32 => same(groups(&bank_card(rng), &[4, 4, 4, 4], " ")),
        33 => with(
            rng.pick(&["护照号", "护照号码：", "护照 "]),
            format!("{}{}", rng.pick(&["E", "G", "EA"]), rng.digits(8)),
        ),
        34 => {
            let plate = format!("{}{}", rng.pick(&["12345", "8K2V6", "A1B23", "D12345", "88888"]), "");
            (
                format!("{}{}", rng.pick(&["京A", "沪B·", "粤B", "川A-", "浙C "]), plate),
                plate,
            )
        }
        35 => with(
            rng.pick(&[
                "订单号：",
                "订单编号",
                "快递单号 ",
                "顺丰单号SF",
                "运单号是",
                "订单号是",
            ]),
            rng.digits(15),
        ),
        36 => with(
            rng.pick(&["微信：", "加微信", "V信", "vx ", "加V：", "wx:", "微信号是"]),
            format!("{}_{}", rng.letters(5), rng.digits(3)),
        ),
        37 => with(
            rng.pick(&["QQ：", "QQ号", "扣扣", "加QQ", "qq "]),
            format!("{}{}", rng.between(1, 9), rng.digits(8)),
        ),
        38 => {
            let road = rng.pick(&["建国路", "人民南路", "中山大道", "解放西街", "长安街"]);
            let door = match rng.below(4) {
                0 => format!("{}号", rng.between(32, 999)),
                1 => format!(
                    "{}号院{}号楼{}单元{}室",
                    rng.between(1, 99),
                    rng.between(1, 30),
                    rng.between(1, 6),
                    rng.between(101, 2804)
                ),
                2 => format!(
                    "{}弄{}号{}室",
                    rng.between(32, 999),
                    rng.between(1, 60),
                    rng.between(101, 2804)
                ),
                _ => format!(
                    "{}号阳光花园{}栋{}单元{}",
                    rng.between(1, 99),
                    rng.between(1, 30),
                    rng.between(1, 6),
                    rng.between(101, 2804)
                ),
            };
            (
                format!("住在{}{road}{door}", rng.pick(&["北京市朝阳区", "上海", "", "杭州市"])),
                door,
            )
        }
        39 => with(
            rng.pick(&["姓名：", "联系人：", "收货人：", "我叫", "投诉人："]),
            name(rng),
        ),
        40 => {
            let who = rng.pick(&["不熬夜的阿柚", "快乐小狗123", "张三丰", "Lily_2020"]);
            (
                format!("{}@{who} ", rng.pick(&["谢谢", "转给", "问问"])),
                (*who).to_owned(),
            )
        }
        _ => {
            let door = format!(
                "{}栋{}单元{}室",
                rng.between(1, 30),
                rng.between(1, 6),
                rng.between(101, 2804)
            );
            (
                format!("{}{door}", rng.pick(&["阳光小区", "万科城", "家在", "和平家园"])),
                door,
            )
        }
    }
}
pub(super) const SHAPES: usize = 42;

pub(super) fn look_alike(rng: &mut Rng, shape: usize) -> String {
    match shape {
        0 => format!("{}.{}元", rng.between(10, 99_999), rng.digits(2)),
        1 => format!("原价{}，现在{}", rng.between(1_000, 99_999), rng.between(100, 999)),
        2 => format!(
            "版本{}.{}.{}",
            rng.between(1, 20),
            rng.between(0, 20),
            rng.between(0, 200)
        ),
        3 => format!(
            "{}-{:02}-{:02} {:02}:{:02}",
            rng.between(2015, 2026),
            rng.between(1, 12),
            rng.between(1, 28),
            rng.between(0, 23),
            rng.between(0, 59)
        ),
        4 => format!(
            "{}年{}月{}日",
            rng.between(2015, 2026),
            rng.between(1, 12),
            rng.between(1, 28)
        ),
        5 => format!(
            "{}{:02}{:02}",
            rng.between(2015, 2026),
            rng.between(1, 12),
            rng.between(1, 28)
        ),
        6 => format!(
            "型号{}-{}{}",
            rng.pick(&["RTX", "KFR", "iPhone", "MX", "B"]),
            rng.between(10, 9_999),
            rng.pick(&["Pro", "GW", "A1", ""])
        ),
        7 => format!(
            "{}{}",
            rng.pick(&["投诉编号", "投诉单号：", "工单号", "投诉编号：", "受理编号 "]),
            format_args!("173{}", rng.digits(8))
        ),
        8 => format!(
            "{}{}",
            rng.pick(&["打", "客服", "拨打", "电话"]),
            rng.pick(&["12315", "95588", "10086", "12345", "95518", "110"])
        ),
        9 => format!("{}-{}-{}", rng.pick(&["400", "800"]), rng.digits(3), rng.digits(4)),
        10 => format!("400{}", rng.digits(7)),
        11 => format!("{}", rng.between(1_500_000_000_000, 1_790_000_000_000)),
        12 => format!("帖子{}", format_args!("48{}1", rng.digits(14))),
        13 => format!("{}****{}", &mobile(rng)[..3], rng.digits(4)),
        14 => format!("https://tousu.example.com/view/173{}/", rng.digits(8)),
        15 => format!("坐地铁{}号线到人民路", rng.between(1, 20)),
        16 => format!("{}号技师服务好", rng.between(1, 99)),
        17 => format!("住了{}晚，{}楼", rng.between(1, 9), rng.between(2, 40)),
        18 => format!("微信支付{}元", rng.between(10, 9_999)),
        19 => format!(
            "QQ{}.{}.{}版本",
            rng.between(6, 9),
            rng.between(1, 9),
            rng.between(1, 99)
        ),
        20 => format!(
            "尺寸{}*{}*{}",
            rng.between(10, 200),
            rng.between(10, 200),
            rng.between(10, 200)
        ),
        21 => format!(
            "{}x{}分辨率",
            rng.pick(&["1920", "2560", "3840"]),
            rng.pick(&["1080", "1440", "2160"])
        ),
        22 => format!("{}mAh电池{}W快充", rng.between(3_000, 20_000), rng.between(18, 240)),
        23 => format!("IP是192.168.{}.{}", rng.between(0, 255), rng.between(0, 255)),
        24 => format!("{}%的人{}万次", rng.between(1, 99), rng.between(1, 9_999)),
        25 => format!(
            "订单{}-{:02}-{:02}下的",
            rng.between(2020, 2026),
            rng.between(1, 12),
            rng.between(1, 28)
        ),
        26 => format!(
            "一{}二{}三{}",
            rng.pick(&["是", "、"]),
            rng.pick(&["是", "、"]),
            rng.pick(&["是", "、"])
        ),
        27 => format!(
            "等了{}个{}天",
            rng.pick(&["一", "两", "三"]),
            rng.pick(&["二十", "三十"])
        ),
        28 => format!(
            "{}小时{}分{}秒",
            rng.between(1, 23),
            rng.between(1, 59),
            rng.between(1, 59)
        ),
        29 => format!("{}", rng.between(1, 9)) + &rng.digits(9),
        30 => format!("12{}", rng.digits(9)),
        31 => format!("编号{}", rng.digits(16)),
        32 => format!("尾号{}", rng.digits(4)),
        33 => format!("{}号楼的电梯坏了", rng.between(1, 30)),
        34 => format!("比例0.{}", rng.digits(11)),
        35 => format!("{}:{}的比分", rng.between(0, 9), rng.between(0, 9)),
        36 => format!("全新{}{}手机壳", rng.pick(&["A", "S", "X"]), rng.between(10, 99)),
        37 => "姓名不详，联系人不接".to_owned(),
        38 => format!(
            "批号{}{:02}{:02}{}",
            rng.between(2019, 2026),
            rng.between(1, 12),
            rng.between(1, 28),
            rng.pick(&["01", "0203", "A1"])
        ),
        _ => format!(
            "{}、{}、{}号都不行",
            rng.between(1, 31),
            rng.between(1, 31),
            rng.between(1, 31)
        ),
    }
}
pub(super) const LOOK_ALIKES: usize = 40;
