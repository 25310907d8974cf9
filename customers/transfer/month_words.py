"""The names of months and of days of the week in the languages of spreadsheets (Unicode CLDR 47), and what people write."""

from customers.transfer.cell_words import fold_words

# The names of each month, January first. A hyphen stands for a blank within a name.
_MONTHS = (
    """
    de-gen. de-gener Ean Eanáir ene enero gen. gener gennaio ian. ianuarie Ion Ionawr jaan jaanuar jan janar janeiro
    Jänner januar januára Januari January janv. janvāris janvier jen led leden ledna Oca Ocak saus. sausio sausis sij
    siječanj siječnja sty styczeń stycznia tammi tammikuu tammikuuta tháng-1 thg-1 urt. urtarrila xan. xaneiro yan
    yanvar Ιαν Ιανουάριος Ιανουαρίου січ. січень січня янв. январ январь января яну януари јан јанвар јануар јануари
    қаң. қаңтар հնվ հունվար հունվարի ינואר ינו׳ جانفي جنوری كانون-الثاني يناير ژانویه जनवरी जन॰ जाने जानेवारी জানু
    জানুয়ারি જાન્યુ જાન્યુઆરી ஜன. ஜனவரி జన జనవరి ಜನ ಜನವರಿ ജനു ജനുവരി දුරුතු ม.ค. มกราคม ມ.ກ. ມັງກອນ ဇန် ဇန်နဝါရီ იან
    იანვარი មករា 一月
    """,
    """
    Chw Chwef Chwefror de-febr. de-febrer Feabh Feabhra feb febbraio febr. febreiro febrer febrero februar februára
    Februari februarie februāris February fev fevereiro févr. fevral février helmi helmikuu helmikuuta lut lutego luty
    ots. otsaila Peb Pebrero pebruari shk shkurt Şub Şubat tháng-2 thg-2 úno únor února vas. vasario vasaris veebr
    veebruar velj veljača veljače Φεβ Φεβρουάριος Φεβρουαρίου ақп. ақпан лют. лютий лютого феб фебруар фев февр. феврал
    февраль февраля февруари փետրվար փետրվարի փտվ פברואר פבר׳ شباط فبراير فروری فوریه فيفري फ़रवरी फ़र॰ फेब्रु फेब्रुअरी
    फेब्रुवारी ফেব ফেব্রুয়ারি ફેબ્રુ ફેબ્રુઆરી பிப். பிப்ரவரி ఫిబ్ర ఫిబ్రవరి ಫೆಬ್ರ ಫೆಬ್ರವರಿ ഫെബ്രു ഫെബ്രുവരി නවම් ก.พ.
    กุมภาพันธ์ ກ.ພ. ກຸມພາ ဖေ ဖေဖော်ဝါရီ თებ თებერვალი កុម្ភៈ 二月
    """,
    """
    bře březen března de-març kov. kovas kovo maalis maaliskuu maaliskuuta maart Mac Machi mar març marca March március
    março marec Maret mars Marso mart Márta martie marts martxoa März marzec marzo Maw Mawrth mrt mrz ožu ožujak ožujka
    tháng-3 thg-3 Μαρ Μάρτιος Μαρτίου бер. березень березня мар март марта нау. наурыз մարտ մարտի մրտ מרץ آذار مارس مارچ
    मार्च মার্চ માર્ચ மார். மார்ச் మార్చి ಮಾರ್ಚ್ മാർ മാർച്ച് මැදින් มี.ค. มีนาคม ມ.ນ. ມີນາ မတ် მარ მარტი មីនា 三月
    """,
    """
    abr. abril Aib Aibreán api. apirila apr aprel april apríla aprile Aprili aprilie április aprill avr. avril bal.
    balandis balandžio dub duben dubna d’abr. d’abril Ebr Ebrill huhti huhtikuu huhtikuuta kwi kwiecień kwietnia Nis
    Nisan pri prill tháng-4 thg-4 tra travanj travnja Απρ Απρίλιος Απριλίου апр апрел апрель апреля април квіт. квітень
    квітня сәу. сәуір ապր ապրիլ ապրիլի אפריל אפר׳ أبريل أفريل آوریل اپریل نيسان अप्रिल अप्रैल एप्रि एप्रिल এপ্রি এপ্রিল
    એપ્રિલ ஏப். ஏப்ரல் ఏప్రి ఏప్రిల్ ಏಪ್ರಿ ಏಪ್ರಿಲ್ ഏപ്രി ഏപ്രിൽ බක් เม.ย. เมษายน ມ.ສ. ເມສາ ဧ ဧပြီ აპრ აპრილი មេសា 四月
    """,
    """
    Beal Bealtaine de-maig geg. gegužė gegužės kvě květen května mag maggio Mai maiatza maig maijs maio maj maja május
    may Mayıs mayo Mei svi svibanj svibnja tháng-5 thg-5 touko toukokuu toukokuuta Μαΐ Μάιος Μαΐου май мам. мамыр мая
    мај трав. травень травня մայիս մայիսի մյս מאי أيار ماي مايو مه مئی मई मे মে મે மே మే ಮೇ മേയ് වෙසක් พ.ค. พฤษภาคม ພ.ພ.
    ພຶດສະພາ မေ მაი მაისი ឧសភា 五月
    """,
    """
    birž. birželio birželis červen června čvn cze czerwca czerwiec de-juny eka. ekaina giu giugno Haz Haziran Hun Hunyo
    iun. iunie iyn iyun juin jun júna June junho juni junij jūnijs junio június juny juuni kesä kesäkuu kesäkuuta lipanj
    lipnja Meh Mehefin Meith Meitheamh qer qershor tháng-6 thg-6 xuño Ιουν Ιούνιος Ιουνίου июн. июнь июня ијн ијун мау.
    маусым черв. червень червня юни јун јуни հնս հունիս հունիսի יוני جوان جون حزيران يونيو ژوئن जुन जून জুন જૂન ஜூன்
    జూన్ ಜೂನ್ ജൂൺ පොසොන් มิ.ย. มิถุนายน ມິ.ຖ. ມິຖຸນາ ဇွန် ივნ ივნისი មិថុនា 六月
    """,
    """
    července červenec čvc de-jul. de-juliol Gor Gorff Gorffennaf heinä heinäkuu heinäkuuta Hul Hulyo Iúil iul. iulie iyl
    iyul juil. juill. juillet jul júla Julai julho juli julij jūlijs julio juliol július July juuli korr korrik liep.
    liepa liepos lipca lipiec lug luglio srpanj srpnja Tem Temmuz tháng-7 thg-7 uzt. uztaila xul. xullo Ιουλ Ιούλιος
    Ιουλίου июл. июль июля ијл ијул лип. липень липня шіл. шілде юли јул јули հլս հուլիս հուլիսի יולי تموز جولائی جويلية
    يوليو يوليوز ژوئیه जुलाई जुलै जुल॰ জুল জুলাই જુલાઈ ஜூலை జులై ಜುಲೈ ജൂലൈ ඇසළ ก.ค. กรกฎาคม ກ.ລ. ກໍລະກົດ ဇူ ဇူလိုင် ივლ
    ივლისი កក្កដា 七月
    """,
    """
    abu. abuztua ag. ago agost Agosti agosto agst agt Agu ágúst Ağustos Agustus août aug august augusta augusti augusts
    augustus augusztus avg. avgust avq avqust Awst d’ag. d’agost elo elokuu elokuuta gush gusht kol kolovoz kolovoza Lún
    Lúnasa Ogo Ogos rugp. rugpjūčio rugpjūtis sie sierpień sierpnia srpen srpna tháng-8 thg-8 Αυγ Αύγουστος Αυγούστου
    авг август августа ауг аугуст серп. серпень серпня там. тамыз օգոստոս օգոստոսի օգս אוגוסט אוג׳ آب أغسطس أوت اگست غشت
    अगस्ट अगस्त अग॰ ऑग ऑगस्ट আগ আগস্ট ઑગસ્ટ ஆக. ஆகஸ்ட் ఆగ ఆగస్టు ಆಗ ಆಗಸ್ಟ್ ഓഗ ഓഗസ്റ്റ് නිකිණි ส.ค. สิงหาคม ສ.ຫ. ສິງຫາ ဩ
    ဩဂုတ် აგვ აგვისტო សីហា 八月
    """,
    """
    de-set. de-setembre Eyl Eylül ira. iraila Meán-Fómhair Medi MFómh rugs. rugsėjis rugsėjo ruj rujan rujna sen sentabr
    sentyabr sep Sept. Septemba septembar september septembra septembre septembrie septembris septiembre set. setembre
    setembro settembre Setyembre sht shtator syys syyskuu syyskuuta szept. szeptember tháng-9 thg-9 wrz wrzesień
    września zář září Σεπ Σεπτέμβριος Σεπτεμβρίου вер. вересень вересня сен сент. сентябр сентябрь сентября сентјабр сеп
    септембар септември қыр. қыркүйек սեպ սեպտեմբեր սեպտեմբերի ספטמבר ספט׳ أيلول سبتمبر ستمبر سپتامبر شتنبر सप्टें
    सप्टेंबर सितंबर सित॰ सेप्टेम्बर সেপ সেপ্ট সেপ্টেম্বর સપ્ટે સપ્ટેમ્બર செப். செப்டம்பர் సెప్టెం సెప్టెంబర్ ಸೆಪ್ಟೆಂ
    ಸೆಪ್ಟೆಂಬರ್ സെപ്റ്റം സെപ്റ്റംബർ බිනර ก.ย. กันยายน ກ.ຍ. ກັນຍາ စက် စက်တင်ဘာ სექ სექტემბერი កញ្ញា 九月
    """,
    """
    Deireadh-Fómhair DFómh d’oct. d’octubre Eki Ekim Hyd Hydref loka lokakuu lokakuuta oct. October octobre octombrie
    octubre okt oktabr Oktoba oktobar oktober októbra oktobris oktoober Oktubre oktyabr ott ottobre out. outubro paź
    październik października říj říjen října spal. spalio spalis tet tetor tháng-10 thg-10 urr. urria Οκτ Οκτώβριος
    Οκτωβρίου жовт. жовтень жовтня окт октобар октомври октябр октябрь октября октјабр қаз. қазан հոկ հոկտեմբեր
    հոկտեմբերի אוקטובר אוק׳ أكتوبر اکتبر اکتوبر تشرين-الأول अक्टूबर अक्टू॰ अक्टोबर ऑक्टो ऑक्टोबर অক্টো অক্টোবর ઑક્ટો
    ઑક્ટોબર அக். அக்டோபர் అక్టో అక్టోబర్ ಅಕ್ಟೋ ಅಕ್ಟೋಬರ್ ഒക്ടോ ഒക്ടോബർ වප් ต.ค. ตุลาคม ຕ.ລ. ຕຸລາ အောက် အောက်တိုဘာ ოქტ
    ოქტომბერი តុលា 十月
    """,
    """
    aza. azaroa de-nov. de-novembre Kas Kasım lapkr. lapkričio lapkritis listopadu marras marraskuu marraskuuta nën
    nëntor Nob Nobyembre noiembrie nop nopember nov Novemba novembar november novembra novembre novembris novembro
    noviembre noy noyabr Samh Samhain stu studeni studenoga Tach Tachwedd tháng-11 thg-11 Νοε Νοέμβριος Νοεμβρίου лист.
    листопад листопада нов новембар ное ноември ноя нояб. ноябр ноябрь ноября ној нојабр қар. қараша նոյ նոյեմբեր
    նոյեմբերի נובמבר נוב׳ تشرين-الثاني نوامبر نوفمبر نومبر نونبر नवंबर नव॰ नोभेम्बर नोव्हें नोव्हेंबर নভে নভেম্বর નવે
    નવેમ્બર நவ. நவம்பர் నవం నవంబర్ ನವೆಂ ನವೆಂಬರ್ നവം നവംബർ ඉල් พ.ย. พฤศจิกายน ພ.ຈ. ພະຈິກ နို နိုဝင်ဘာ ნოე ნოემბერი
    វិច្ឆិកា 十一月
    """,
    """
    abe. abendua Ara Aralık de-des. de-desembre dec decembar december decembra décembre decembrie decembris decembro dek
    dekabr des. Desemba Desember desembre dets detsember Dez. Dezember dezembro dhj dhjetor dic dicembre diciembre Dis
    Disember Disyembre gru grudnia grudzień gruod. gruodis gruodžio joulu joulukuu joulukuuta Noll Nollaig pro prosinac
    prosinca prosince prosinec Rhag Rhagfyr tháng-12 thg-12 Δεκ Δεκέμβριος Δεκεμβρίου груд. грудень грудня дек декабр
    декабрь декабря декември дец децембар жел. желтоқсан դեկ դեկտեմբեր դեկտեմբերի דצמבר דצמ׳ دجنبر دسامبر دسمبر ديسمبر
    كانون-الأول डिसें डिसेंबर डिसेम्बर दिसंबर दिस॰ ডিসে ডিসেম্বর ડિસે ડિસેમ્બર டிச. டிசம்பர் డిసెం డిసెంబర్ ಡಿಸೆಂ
    ಡಿಸೆಂಬರ್ ഡിസം ഡിസംബർ උඳුවප් ธ.ค. ธันวาคม ທ.ວ. ທັນວາ ဒီ ဒီဇင်ဘာ დეკ დეკემბერი ធ្នូ 十二月
    """,
)
# By language: names that mean another month in another language.
MONTHS_BY_LANGUAGE = {
    "cs": {"srp": 8, "lis": 11, "listopad": 11},
    "hr": {"lip": 6, "srp": 7, "lis": 10, "listopad": 10, "listopada": 10},
    "pl": {"lip": 7, "lis": 11, "listopad": 11, "listopada": 11},
}
_WEEKDAYS = """
mon tue tues wed thu thur thurs fri sat sun Ahad Alhamisi antradienis asteartea asteazkena astelehena
axşamı Ba Bảy Bazar Biyernes Çarşamba Céadaoin četrtek ceturtdiena četvrtak chorshanba Chủ csütörtök
čtvrtek Cuma Cumartesi Cümə czwartek Çərşənbə Dé Déardaoin diel Dienstag dijous dilluns dimanche dimarts
dimecres dinsdag dissabte diumenge divendres domenica Domhnaigh domingo donderdag Donnerstag duminică
dushanba Dydd e enjte ertəsi esmaspäev feira fimmtudagur föstudagur fredag Freitag Friday giovedì Gwener
Hai hAoine hënë hétfő Huwebes Iau igandea Ijumaa Isnin jeudi joi jueves juma Jumaat Jumamosi Jumanne
Jumapili Jumat Jumatano Jumatatu Kamis kedd keskiviikko keskiviikkona ketvirtadienis Khamis kolmapäev
larunbata lauantai lauantaina laugardagur laupäev laurdag Linggo Llun lördag Luain lundi lunedì lunes
luni luns lørdag maanantai maanantaina maandag Máirt mandag mánudagur mardi martë martedì martes marți
Mercher mercoledì mércores mercredi mërkurë miércoles miercuri Minggu Mittwoch Miyerkules miðvikudagur
Monday Montag Năm nedeľa neděle nedelja nedjelja neljapäev Nhật niedziela onsdag osteguna ostirala
otrdiena pátek payshanba Pazar Pazartesi penktadienis péntek perjantai perjantaina Perşembe petak petek
piątek piatok piektdiena pirmadienis pirmdiena pondělí pondelok ponedeljak ponedeljek ponedjeljak
poniedziałek premte pühapäev quarta quinta Rabu reede sábado sabato Sabtu Sadwrn Salı sâmbătă samedi
Samstag Sathairn Saturday Sáu segunda sekmadienis Selasa Senin seshanba šeštadienis sestdiena sexta
shanba shtunë sobota söndag Sonntag sreda srijeda środa středa štvrtok subota Sul Sunday sunnudagur
sunnuntai sunnuntaina svētdiena szerda szombat søndag Şənbə teisipäev terça Thứ Thursday tiistai
tiistaina tirsdag tisdag torek torsdag torstai torstaina trečiadienis trešdiena Tư Tuesday tysdag úterý
utorak utorok vasárnap vendredi venerdì venres viernes vineri vrijdag Wednesday woensdag wtorek xoves
yakshanba zaterdag zondag þriðjudagur Δευτέρα Κυριακή Παρασκευή Πέμπτη Σάββατο Τετάρτη Τρίτη ахшамы базар
бейсенбі воскресенье вторник вівторок душанба дүйсенбі ертәси жексенбі жума жұма недела неделя недеља
неділя недјеља пʼятниця пайшанба петак петок петък понеделник понедельник понедељак понеділок понедјељак
пятница сабота сейсенбі сенбі середа сешанба среда сриједа сряда суббота субота събота сәрсенбі уторак
четвер четверг четвртак четврток четвъртък чоршанба чәршәнбә шанба шәнбә якшанба ҹүмә երեքշաբթի
երկուշաբթի կիրակի հինգշաբթի շաբաթ ուրբաթ չորեքշաբթի חמישי יום ראשון רביעי שבת שישי שלישי שני اتوار
الاثنين الأحد الأربعاء الثلاثاء الجمعة الخميس السبت بدھ جمعرات جمعه جمعہ دوشنبه سهشنبه شنبه منگل پنجشنبه
پیر چهارشنبه ہفتہ یکشنبه आइतबार गुरुवार बिहिबार बुधबार बुधवार मंगलवार मंगळवार मङ्गलबार रविवार शनिबार
शनिवार शुक्रबार शुक्रवार सोमबार सोमवार বুধবার বৃহস্পতিবার মঙ্গলবার রবিবার শনিবার শুক্রবার সোমবার ગુરુવાર
બુધવાર મંગળવાર રવિવાર શનિવાર શુક્રવાર સોમવાર சனி செவ்வாய் ஞாயிறு திங்கள் புதன் வியாழன் வெள்ளி ఆదివారం
గురువారం బుధవారం మంగళవారం శనివారం శుక్రవారం సోమవారం ಗುರುವಾರ ಬುಧವಾರ ಭಾನುವಾರ ಮಂಗಳವಾರ ಶನಿವಾರ ಶುಕ್ರವಾರ ಸೋಮವಾರ
ചൊവ്വാഴ്ച ഞായറാഴ്ച തിങ്കളാഴ്ച ബുധനാഴ്ച വ്യാഴാഴ്ച വെള്ളിയാഴ്ച ശനിയാഴ്ച අඟහරුවාදා ඉරිදා බදාදා බ්රහස්පතින්දා
සඳුදා සිකුරාදා සෙනසුරාදා วันจันทร์ วันจันทร์ที่ วันพุธ วันพุธที่ วันพฤหัสบดี วันพฤหัสบดีที่ วันศุกร์
วันศุกร์ที่ วันอังคาร วันอังคารที่ วันอาทิตย์ วันอาทิตย์ที่ วันเสาร์ วันเสาร์ที่ ວັນຈັນ ວັນພຸດ ວັນພະຫັດ
ວັນສຸກ ວັນອັງຄານ ວັນອາທິດ ວັນເສົາ ကြာသပတေး စနေ တနင်္ဂနွေ တနင်္လာ ဗုဒ္ဓဟူး သောကြာ အင်္ဂါ კვირა ოთხშაბათი
ორშაბათი პარასკევი სამშაბათი შაბათი ხუთშაბათი 금요일 목요일 수요일 월요일 일요일 토요일 화요일 ចន្ទ ច័ន្ទ ព្រហស្បតិ៍ ពុធ សុក្រ
សៅរ៍ អង្គារ អាទិត្យ 土曜日 日曜日 星期一 星期三 星期二 星期五 星期六 星期四 星期日 月曜日 木曜日 水曜日 火曜日 金曜日
"""

_ROMAN_NUMBERS = ["i", "ii", "iii", "iv", "v", "vi", "vii", "viii", "ix", "x", "xi", "xii"]
MONTHS = {word: month for month, words in enumerate(_MONTHS, 1) for word in fold_words(words)}
MONTHS |= {number: month for month, number in enumerate(_ROMAN_NUMBERS, 1)}
WEEKDAYS = fold_words(_WEEKDAYS)
