//! Names of people: the display name of an author, and what may be a name in a text.

/// A display name as platforms mask it: `*`, `甲*`, `甲***乙`. Names that hold a `*` already stay.
pub fn mask_name(name: &str) -> String {
    if name.contains('*') {
        return name.to_owned();
    }
    let mut chars = name.chars();
    match (chars.next(), chars.next_back(), chars.next().is_some()) {
        (None, ..) => String::new(),
        (Some(_), None, _) => "*".to_owned(),
        (Some(first), Some(_), false) => format!("{first}*"),
        (Some(first), Some(last), true) => format!("{first}***{last}"),
    }
}

/// The surnames of nearly everybody.
const SURNAMES: &str = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何高林罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔\
                        钟谭陆汪范金石廖贾夏韦付傅方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤温康施文牛樊葛邢安\
                        齐易乔伍庞颜倪庄聂章鲁岳翟殷詹申欧耿关兰焦俞左柳甘祝包宁尚符舒阮柯纪梅童凌毕单季裴霍涂成苗谷盛曲翁冉骆蓝路游辛\
                        靳欧管柴蒙鲍华喻祁蒲房滕屈饶解牟艾尤阳时穆农司卓古吉缪简车项连芦麦褚娄窦戚岑景党宫费卜冷晏席卫米柏宗瞿桂全佟应\
                        臧闵苟邬边卞姬师和仇栾隋商刁沙荣巫寇桑郎甄丛仲虞敖巩明佘池查麻苑迟邝張劉陳楊黃趙吳孫馬鄭謝許韓馮鄧蔣葉蘇魏呂盧\
                        鐘譚陸範賈韋鄒秦閻龍賀顧錢嚴湯溫";

pub(super) fn is_surname(c: char) -> bool {
    SURNAMES.contains(c)
}

/// What stands where a name is asked for and is none.
pub(super) fn is_no_name(word: &str) -> bool {
    [
        "匿名", "保密", "未知", "不详", "不便", "先生", "女士", "本人", "自己", "客服", "无", "用户", "市民", "网友",
        "同上", "如下", "不是", "没有",
    ]
    .iter()
    .any(|known| word.starts_with(known))
}
