"""Folding a text, the text that is searched, and the patterns that are searched for."""

import django.contrib.postgres.operations
import django_migrate_sql.operations
from django.db import migrations


class Migration(migrations.Migration):
    initial = True

    dependencies = []

    operations = [
        django.contrib.postgres.operations.TrigramExtension(),
        django_migrate_sql.operations.CreateSQL(
            name="circe_punctuation",
            sql=r"""-- Returns the characters beyond ASCII that separate words, as the inside of a bracket expression. They are
-- punctuation, mathematical signs, currencies, modifiers, spaces and control characters, letters that are written as
-- apostrophes, and ZERO WIDTH NON-JOINER.
-- Signs that NFKD replaces are left out.
CREATE OR REPLACE FUNCTION public.circe_punctuation() RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT '\u0080-\u00AC\u00AE-\u00BF\u00D7\u00F7\u02B9-\u02FF\u0375\u03F6\u0559-\u055F\u0589-\u058A\u058F'
        || '\u05BE\u05C0\u05C3\u05C6\u05F3-\u05F4\u0606-\u060D\u061B\u061D-\u061F\u066A-\u066D\u06D4'
        || '\u0700-\u070D\u07F4-\u07F5\u07F7-\u07F9\u07FE-\u07FF\u0830-\u083E\u085E\u0888\u0964-\u0965\u0970'
        || '\u09F2-\u09F3\u09FB\u09FD\u0A76\u0AF0-\u0AF1\u0BF9\u0C77\u0C84\u0DF4\u0E3F\u0E4F\u0E5A-\u0E5B'
        || '\u0F04-\u0F12\u0F14\u0F3A-\u0F3D\u0F85\u0FD0-\u0FD4\u0FD9-\u0FDA\u104A-\u104F\u10FB\u1360-\u1368'
        || '\u1400\u166E\u1680\u169B-\u169C\u16EB-\u16ED\u1735-\u1736\u17D4-\u17D6\u17D8-\u17DB\u1800-\u180A'
        || '\u1944-\u1945\u1A1E-\u1A1F\u1AA0-\u1AA6\u1AA8-\u1AAD\u1B4E-\u1B4F\u1B5A-\u1B60\u1B7D-\u1B7F'
        || '\u1BFC-\u1BFF\u1C3B-\u1C3F\u1C7E-\u1C7F\u1CC0-\u1CC7\u1CD3\u200C\u2010-\u2029\u2030-\u205E'
        || '\u20A0-\u20C4\u2118\u2141-\u2144\u214B\u2190-\u2194\u21A0\u21A3\u21A6\u21D2\u21D4\u21F4-\u22FF'
        || '\u2308-\u230B\u2320-\u2321\u237C\u239B-\u23B3\u23DC-\u23E1\u25B7\u25C1\u25F8-\u25FF\u266F'
        || '\u2768-\u2775\u27C0-\u27FF\u2900-\u2AFF\u2B30-\u2B44\u2B47-\u2B4C\u2CF9-\u2CFC\u2CFE-\u2CFF\u2D70'
        || '\u2E00-\u2E2E\u2E30-\u2E4F\u2E52-\u2E63\u3001-\u3003\u3008-\u3011\u3014-\u301F\u3030\u303D\u30A0'
        || '\u30FB\uA4FE-\uA4FF\uA60D-\uA60F\uA673\uA67E\uA6F2-\uA721\uA788-\uA78C\uA838\uA874-\uA877'
        || '\uA8CE-\uA8CF\uA8F8-\uA8FA\uA8FC\uA92E-\uA92F\uA95F\uA9C1-\uA9CD\uA9DE-\uA9DF\uAA5C-\uAA5F'
        || '\uAADE-\uAADF\uAAF0-\uAAF1\uAB5B\uAB6A-\uAB6B\uABEB\uFBB2-\uFBC2\uFD3E-\uFD3F\uFE45-\uFE46'
        || '\U00010100-\U00010102\U0001039F\U000103D0\U0001056F\U00010857\U0001091F\U0001093F'
        || '\U00010A50-\U00010A58\U00010A7F\U00010AF0-\U00010AF6\U00010B39-\U00010B3F\U00010B99-\U00010B9C'
        || '\U00010D6E\U00010D8E-\U00010D8F\U00010EAD\U00010EC9-\U00010ECA\U00010ED0\U00010F55-\U00010F59'
        || '\U00010F86-\U00010F89\U00011047-\U0001104D\U000110BB-\U000110BC\U000110BE-\U000110C1'
        || '\U00011140-\U00011143\U00011174-\U00011175\U000111C5-\U000111C8\U000111CD\U000111DB'
        || '\U000111DD-\U000111DF\U00011238-\U0001123D\U000112A9\U000113D4-\U000113D8\U0001144B-\U0001144F'
        || '\U0001145A-\U0001145D\U000114C6\U000115C1-\U000115D7\U00011641-\U00011643\U00011660-\U0001166C'
        || '\U000116B9\U0001173C-\U0001173E\U0001183B\U00011944-\U00011946\U000119E2\U00011A3F-\U00011A46'
        || '\U00011A9A-\U00011A9C\U00011A9E-\U00011AA2\U00011B00-\U00011B09\U00011BE1\U00011C41-\U00011C45'
        || '\U00011C70-\U00011C71\U00011EF7-\U00011EF8\U00011F43-\U00011F4F\U00011FDD-\U00011FE0\U00011FFF'
        || '\U00012470-\U00012474\U00012FF1-\U00012FF2\U00016A6E-\U00016A6F\U00016AF5\U00016B37-\U00016B3B'
        || '\U00016B44\U00016D6D-\U00016D6F\U00016E97-\U00016E9A\U00016FE2\U0001BC9F\U0001CEDD-\U0001CEDF'
        || '\U0001CEF0-\U0001CEFD\U0001DA87-\U0001DA8B\U0001DB00-\U0001DB1C\U0001E2FF\U0001E5FF'
        || '\U0001E95E-\U0001E95F\U0001ECB0\U0001EEF0-\U0001EEF1\U0001F3FB-\U0001F3FF\U0001F8D0-\U0001F8D8'
$$;
""",
            reverse_sql="DROP FUNCTION public.circe_punctuation;",
        ),
        django_migrate_sql.operations.CreateSQL(
            name="circe_simplify_han",
            sql="""-- Returns the text with one form of each Chinese character: the simplified one for its traditional and Japanese forms. So 張偉
-- and 张伟 find each other, and so do 渡邉, 渡邊 and 渡辺. If a simplified character stands for several traditional ones, all
-- of them become this one.
-- The characters are those of OpenCC 1.4.2 (Apache License 2.0), TSCharacters and JPShinjitaiCharacters, with a few that are
-- written for each other in Japanese names, such as 嶋 and 島.
CREATE OR REPLACE FUNCTION public.circe_simplify_han(value text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
DECLARE
    simplified text := '';
    form text;
BEGIN
    -- PostgreSQL makes the JSON object once in a session. `translate` would compare each character with all of them.
    FOR place IN 1..length(value) LOOP
        form := substr(value, place, 1);
        simplified := simplified || coalesce(
            jsonb_object(
                string_to_array(
                    '丟両並乗乾亀亂予亙亜亞仏伝佇佈佔併來侖価侶侷俁係俔俠俥俬倀倂倆倈倉個們倖値倫倶倹假偉側偵偽傑傖傘備傢傭傯傳傴債傷傾僂僅僉'
                    '僑僕僞僥僨僱價儀儁儂億儈儉儎儐儔儕儘償優儲儷儺儻儼兇兌兎児兒兗內兩円冊冑冨冪凈凍凜処凱別刪剄則剋剎剗剛剝剣剤剮剰剴創剷劃'
                    '劄劇劉劊劌劍劑労効勁勅動務勛勝勞勢勧勩勱勲勳勵勸勻匭匯匱區協単卹卻卽厙厠厤厭厲厳厴參叄収叢吒吳吶呂呉呪咼員唄唖唸問啓啞啟'
                    '啢喚喪喫喬單喲営嗆嗇嗊嗎嗚嗩嗶嘆嘍嘓嘔嘖嘗嘜嘩嘮嘯嘰嘵嘸嘽噁噓噛噝噠噥噦噯噲噴噸噹嚀嚇嚌嚐嚕嚙嚥嚦嚨嚮嚲嚳嚴嚶囀囁囂囅囈'
                    '囉囌囑団囪囲図圇國圍圏園圓圖團圧垻埡埰執堅堊堖堝堯報場塁塊塋塏塒塗塚塡塢塤塩塵塹墊墜增墮墰墳墶墻墾壇壊壋壌壎壓壘壙壚壜壞'
                    '壟壠壢壩壪壯壱売壺壼壽変夠夢夥夾奐奧奨奩奪奬奮奼妝姉姍姦姫娛婁婦婭媧媯媼媽嫋嫗嫵嫺嫻嫿嬀嬃嬈嬋嬌嬙嬡嬢嬤嬪嬰嬸孃孌孫學孿'
                    '実宮寀寛寢實寧審寫寬寵寶対専將專尋對導尭尷屆屍屓屜屢層屨屬岡峯峴島峽崍崑崗崙崢崬嵐嵗嶁嶄嶇嶋嶌嶔嶗嶠嶢嶧嶨嶮嶸嶺嶼嶽巋巌'
                    '巒巔巖巣巰巹巻帥師帯帰帳帶幀幃幗幘幟幣幫幬幷幹幾庁広庫廁廂廃廄廈廎廕廚廝廟廠廡廢廣廩廬廳弁弐弒弔弳張強弾彆彈彌彎彔彙彠彥'
                    '彫彲彿後徑従從徠復徴徵德徹応恆恥悅悞悩悪悵悶悽惠惡惱惲惻愛愜愨愴愷愾慄態慍慎慘慚慟慣慤慪慫慮慳慶慼慾憂憊憐憑憒憖憚憤憫憮'
                    '憲憶懇應懌懍懐懞懟懣懨懲懶懷懸懺懼懾戀戇戔戦戧戩戯戰戱戲戶戸戻払扞抜択拋拚拝拠拡挙挩挱挾挿捜捨捫捱捲掃掄掗掙掛採掲掻揀揚'
                    '換揮揯揺損搖搗搧搵搶摂摑摜摟摯摳摶摺摻撃撈撏撐撓撟撣撥撫撲撳撹撻撾撿擁擄擇擊擋擔據擠擡擣擧擬擯擰擱擲擴擷擺擻擼擾攄攆攏攔'
                    '攖攙攛攜攝攢攣攤攪攬敍敎敓敗敘敵數斂斃斆斉斎斕斬斷於旂旣昇時晃晉晝晩暁暈暉暘暢暦暫曁曄曆曇曉曏曖曠曨曬書曾會朧朮東枴柵柺'
                    '査栄桒桜桝桟桿梔梘條梟梲棄棊棖棗棟棧棲棶椏検楊楓楡楨業極楽概榘榦榪榮榲榿槇構槍槓様槤槧槨槮槳槶槼樁樂樅樑樓標樞樣樧権樳樸'
                    '樹樺樿橈橋機橢橫檁檉檔檜檟檢檣檮檯檳檸檻櫃櫓櫚櫛櫝櫞櫟櫥櫧櫨櫪櫫櫬櫱櫳櫸櫻欄欅權欏欒欖欞欠欽歎歐歓歟歡歩歯歲歳歴歷歸歿殘'
                    '殞殤殫殭殮殯殲殺殻殼毀毆毎毿氂氈氌気氣氫氬氳氷氾汎汙汚決沒沖沢況泝洩洶浄浜浹涇涗涙涼淒淚淥淨淩淪淵淶淸淺渇済渉渋渓渙減渢'
                    '渦測渾湊湞湧湯満溈溌準溝溫溮溳溼滄滅滌滎滙滝滤滬滯滲滷滸滻滾滿漁漊漚漢漣漬漲漵漸漿潁潑潔潙潛潤潯潰潷潿澀澁澆澇澐澗澠澤澦'
                    '澩澮澱濁濃濕濘濚濛濜濟濤濫濰濱濵濺濼濾瀂瀅瀆瀉瀋瀏瀕瀘瀝瀟瀠瀦瀧瀨瀬瀰瀲瀾灃灄灑灕灘灝灣灤灧灩災為烏烴焔無焼煉煒煙煢煥煩'
                    '煬熅熒熗熱熲熾燁燈燉燒燙燜營燦燬燭燴燻燼燾爍爐爛爭爲爺爾牀牆牘牴牽犖犛犠犢犧狀狹狽猙猟猶猻獁獃獄獅獎獣獨獪獫獮獰獲獵獷獸'
                    '獺獻獼玀現琱琺琿瑋瑒瑣瑤瑩瑪瑲璉璡璣璦璫環璵璸璽璿瓊瓏瓔瓚瓣瓶甌甕產産畝畢畫異畳畵當疇疊痙痠痩痺痾瘂瘋瘍瘓瘞瘡瘧瘮瘲瘺瘻'
                    '療癆癇癉癒癘癟癡癢癤癥癧癩癬癭癮癰癱癲発發皁皐皚皰皸皺盃盜盞盡監盤盧盪県眞眥眾睏睜睞瞘瞞瞶瞼矇矓矚矯研砕硃硜硤硨硯碕碩碭'
                    '碸確碼磑磚磠磣磧磯磽礄礎礙礦礪礫礬礱祕祿禍禎禕禡禦禪禮禰禱禿秈稅稈稜稟種稱稲穀穂穌積穎穏穠穡穢穣穩穫穭窩窪窮窯窵窶窺竃竄'
                    '竅竇竈竊竜竝竪競筆筍筧箇箋箏箚節範築篋篔篠篤篩篳簀簍簑簞簡簣簫簹簽簾籃籌籙籛籜籟籠籤籩籪籬籮籲粋粛粧粵糉糝糞糧糰糲糴糶糸'
                    '糹糾紀紂約紅紆紇紈紉紋納紐紓純紕紖紗紘紙級紛紜紝紡紮細紱紲紳紵紹紺紼紿絀終絃組絆経絎結絕絛絝絞絡絢給絨絰統絲絳絵絶絹綁綃'
                    '綆綈綉綌綏綑經継続綜綞綠綢綣綫綬維綯綰綱網綳綴綵綸綹綺綻綽綾綿緄緇緊緋総緑緒緓緔緖緗緘緙線緝緞締緡緣緦編緩緬緯緱緲練緶緹'
                    '緻緼縁縄縈縉縊縋縐縑縕縗縛縝縞縟縣縦縧縫縭縮縱縲縴縵縶縷縹總績繃繅繆繊繋繍繒織繕繚繞繡繢繩繪繫繭繮繯繰繳繹繼繽繾纇纈纊續'
                    '纍纏纓纔纖纘纜缶缽罈罌罎罰罵罷羅羆羈羋羣羥羨義羶習翫翬翹翻翽耬耮聖聞聡聯聰聲聳聴聵聶職聹聽聾肅脅脈脛脣脩脫脳脹腎腖腡腦腫'
                    '腳腸膃膕膚膠膩膽膾膿臉臍臏臓臘臚臟臠臢臥臨臺與興舉舊舎舖舗舘艙艤艦艫艱艶艷芸芻苧茘茲荊荘莊莖莢莧華菴菸萇萊萌萬萴萵葉葒葤'
                    '葦葯葷蒐蒓蒔蒕蒞蒼蓀蓆蓋蓮蓯蓴蓽蔔蔘蔞蔣蔥蔦蔭蕁蕆蕎蕒蕓蕕蕘蕢蕩蕪蕭蕷薀薈薊薌薑薔薗薘薟薦薩薫薬薴薹薺藍藎藏藝藥藪藴藶藹'
                    '藺蘀蘄蘆蘇蘊蘋蘚蘞蘢蘭蘺蘿虆處虛虜號虧虯蛍蛺蛻蜆蝋蝕蝟蝦蝨蝸螄螞螢螻螿蟄蟈蟎蟣蟬蟯蟲蟶蟻蠁蠅蠆蠍蠐蠑蠔蠟蠣蠨蠱蠶蠻衆衊術'
                    '衕衚衛衝衞袞袷裊裏補裝裡製複褌褒褘褲褳褸褻襇襉襏襖襝襠襤襪襬襯襲襴覇覈見覎規覓視覘覚覡覥覦覧親覬覯覲観覷覺覽覿觀觴觶觸訁'
                    '訂訃計訊訌討訐訒訓訕訖託記訛訝訟訣訥訩訪設許訳訴訶診註証詁詆詎詐詒詔評詖詗詘詛詞詠詡詢詣試詩詫詬詭詮詰話該詳詵詼詿誄誅誆'
                    '誇誌認誑誒誕誘誚語誠誡誣誤誥誦誨說説読誰課誶誹誼誾調諂諄談諉請諍諏諑諒論諗諛諜諝諞諡諢諤諦諧諫諭諮諱諳諶諷諸諺諼諾謀謁謂'
                    '謄謅謊謎謐謔謖謗謙謚講謝謠謡謨謫謬謭謳謹謾譁證譎譏譖識譙譚譜譟譫譭譯議譲譴護譸譽譾讀讅變讋讎讒讓讕讖讚讜讞谿豈豊豎豐豔豬'
                    '豶貍貓貝貞貟負財貢貧貨販貪貫責貯貰貲貳貴貶買貸貺費貼貽貿賀賁賂賃賄賅資賈賊賑賒賓賕賙賚賛賜賞賠賡賢賣賤賦賧質賫賬賭賴賵賺'
                    '賻購賽賾贄贅贇贈贊贋贍贏贐贓贔贖贗贛贜赬趕趙趨趲跡踐踰踴蹌蹕蹟蹠蹣蹤蹺躂躉躊躋躍躑躒躓躕躚躡躥躦躪軀車軋軌軍軑軒軔軛軟転'
                    '軤軫軲軸軹軺軻軼軽軾較輅輇輈載輊輌輒輓輔輕輛輜輝輞輟輥輦輩輪輬輯輳輸輻輼輾輿轀轂轄轅轆轉轍轎轔轟轡轢轤辦辨辭辮辯農辺连迴'
                    '逓逕這連週進遅遊運過達違遙遜遞遠遡適遲遶遷選遺遼邁還邇邉邊邏邐郞郟郵郷鄆鄉鄒鄔鄕鄖鄧鄭鄰鄲鄴鄶鄺酇酈酔醃醖醗醜醞醟醣醤醫'
                    '醬醱醸釀釁釃釅釈釋釐釒釓釔釕釗釘釙針釣釤釦釧釩釵釷釹釺鈀鈁鈃鈄鈅鈈鈉鈍鈎鈐鈑鈒鈔鈕鈞鈡鈣鈥鈦鈧鈮鈰鈳鈴鈷鈸鈹鈺鈽鈾鈿鉀鉄'
                    '鉅鉆鉈鉉鉋鉍鉑鉕鉗鉚鉛鉞鉢鉤鉦鉬鉭鉱鉳鉶鉸鉺鉻鉿銀銃銅銍銑銓銖銘銚銛銜銠銣銥銦銨銩銪銫銬銭銱銳銷銹銻銼鋁鋃鋅鋇鋌鋏鋒鋙鋝'
                    '鋟鋣鋤鋥鋦鋨鋩鋪鋭鋮鋯鋰鋱鋳鋶鋸鋼錁錄錆錇錈錏錐錒錕錘錙錚錛錟錠錡錢錦錨錩錫錬錮錯録錳錶錸錼鍀鍁鍃鍅鍆鍇鍈鍊鍋鍍鍔鍘鍚鍛'
                    '鍠鍤鍥鍩鍬鍰鍵鍶鍺鍼鍾鎂鎄鎇鎊鎌鎔鎖鎘鎚鎛鎡鎢鎣鎦鎧鎩鎪鎬鎭鎮鎰鎲鎳鎵鎶鎸鎿鏃鏇鏈鏌鏍鏐鏑鏗鏘鏜鏝鏞鏟鏡鏢鏤鏨鏰鏵鏷鏹鏽'
                    '鐃鐋鐐鐒鐓鐔鐘鐙鐝鐠鐦鐧鐨鐫鐮鐲鐳鐵鐶鐸鐺鐿鑄鑊鑌鑑鑒鑔鑕鑞鑠鑣鑥鑭鑰鑱鑲鑷鑹鑼鑽鑾鑿钁钂長門閂閃閆閈閉開閌閎閏閑閒間閔'
                    '閘閡関閣閤閥閨閩閫閬閭閱閲閶閹閻閼閽閾閿闃闆闇闈闊闋闌闍闐闒闓闔闕闖闘關闞闠闡闢闤闥陘陝陞陣陥陰陳陸険陽隉隊階隕際隠隣隨'
                    '險隯隱隴隸隻雋雑雖雙雛雜雞離難雲電霊霑霢霧霽靂靄靆靈靉靚靜靝靦靨鞏鞝鞦鞽韁韃韆韉韋韌韍韓韙韜韝韞韻響頁頂頃項順頇須頊頌頎'
                    '頏預頑頒頓頗領頜頡頤頦頭頮頰頲頴頷頸頹頻頼頽顆題額顎顏顒顓顔顕願顙顛類顢顥顧顫顬顯顰顱顳顴颖風颭颮颯颱颳颶颸颺颻颼飀飄飆'
                    '飈飛飠飢飣飥飩飪飫飭飯飱飲飴飼飽飾飿餃餄餅餈餉養餌餎餏餑餒餓餕餖餘餚餛餜餞餠餡館餬餱餳餵餶餷餺餼餾餿饁饃饅饈饉饊饋饌饑饒'
                    '饗饜饞饢馬馭馮馱馳馴馹駁駅駆駈駐駑駒駔駕駘駙駛駝駟駡駢駭駰駱駸駿騁騂騅騌騍騎騏騒験騖騙騤騫騭騮騰騶騷騸騾驀驁驂驃驄驅驊驌'
                    '驍驏驕驗驚驛驟驢驤驥驦驪驫骯髄髏髒體髕髖髪髮鬆鬍鬚鬢鬥鬧鬨鬩鬪鬭鬮鬱鬹魎魘魚魛魢魨魯魴魷魺鮁鮃鮊鮋鮍鮎鮐鮑鮒鮓鮚鮜鮝鮞鮦'
                    '鮪鮫鮭鮮鮳鮶鮺鯀鯁鯇鯉鯊鯒鯔鯕鯖鯗鯛鯝鯡鯢鯤鯧鯨鯪鯫鯰鯴鯷鯽鯿鰁鰂鰃鰈鰉鰍鰏鰐鰒鰓鰛鰜鰟鰠鰣鰥鰨鰩鰭鰮鰱鰲鰳鰵鰷鰹鰺鰻鰼'
                    '鰾鱂鱅鱈鱉鱒鱔鱖鱗鱘鱝鱟鱠鱣鱤鱧鱨鱭鱯鱷鱸鱺鳥鳧鳩鳬鳲鳳鳴鳶鴆鴇鴉鴎鴒鴕鴛鴝鴞鴟鴣鴦鴨鴯鴰鴴鴻鴿鵂鵃鵐鵑鵒鵓鵜鵝鵠鵡鵪鵬'
                    '鵮鵯鵰鵲鵷鵾鶇鶉鶊鶏鶓鶖鶘鶚鶡鶥鶩鶬鶯鶲鶴鶹鶺鶻鶼鶿鷀鷁鷂鷄鷊鷓鷖鷗鷙鷚鷥鷦鷫鷯鷲鷳鷴鷸鷹鷺鷽鸇鸌鸏鸕鸘鸚鸛鸝鸞鹵鹸鹹鹺'
                    '鹼鹽麗麥麩麪麫麯麴麵麹麺麼麽黃黌黑黙點黨黲黴黶黷黽黿鼂鼈鼉鼕鼴齊齋齎齏齐齒齔齕齗齙齜齟齠齡齢齣齦齧齪齬齲齶齷龍龎龐龔龕龜'
                    '鿓',
                    NULL
                ),
                string_to_array(
                    '丢两并乘干龟乱豫亘亚亚佛传伫布占并来仑价侣局俣系伣侠伡私伥并俩俫仓个们幸值伦俱俭仮伟侧侦伪杰伧伞备家佣偬传伛债伤倾偻仅佥'
                    '侨仆伪侥偾雇价仪俊侬亿侩俭傤傧俦侪尽偿优储俪傩傥俨凶兑兔儿儿兖内两圆册胄富幂净冻凛处凯别删刭则克刹刬刚剥剑剂剐剩剀创铲划'
                    '札剧刘刽刿剑剂劳效劲敕动务勋胜劳势劝勚劢勋勋励劝匀匦汇匮区协单恤却即厍厕历厌厉严厣参叁收丛咤吴呐吕吴咒呙员呗哑念问启哑启'
                    '唡唤丧吃乔单哟营呛啬唝吗呜唢哔叹喽啯呕啧尝唛哗唠啸叽哓呒啴恶嘘啮咝哒哝哕嗳哙喷吨当咛吓哜尝噜啮咽呖咙向亸喾严嘤啭嗫嚣冁呓'
                    '啰苏嘱团囱围图囵国围圈园圆图团压坝垭采执坚垩垴埚尧报场垒块茔垲埘涂冢填坞埙盐尘堑垫坠増堕坛坟垯墙垦坛坏垱壤埙压垒圹垆坛坏'
                    '垄垅坜坝塆壮壹卖壶壸寿变够梦伙夹奂奥奖奁夺奖奋姹妆姊姗奸姬娱娄妇娅娲妫媪妈袅妪妩娴娴婳妫媭娆婵娇嫱嫒娘嬷嫔婴婶娘娈孙学孪'
                    '实宫采宽寝实宁审写宽宠宝对专将专寻对导尧尴届尸屃屉屡层屦属冈峰岘岛峡崃昆岗仑峥岽岚岁嵝崭岖岛岛嵚崂峤峣峄峃崄嵘岭屿岳岿岩'
                    '峦巅岩巢巯卺卷帅师带归帐带帧帏帼帻帜币帮帱并干几厅广库厕厢废厩厦庼荫厨厮庙厂庑废广廪庐厅辩贰弑吊弪张强弹别弹弥弯录汇彟彦'
                    '雕彨佛后径从从徕复征征徳彻应恒耻悦悮恼恶怅闷凄恵恶恼恽恻爱惬悫怆恺忾栗态愠愼惨惭恸惯悫怄怂虑悭庆戚欲忧惫怜凭愦慭惮愤悯怃'
                    '宪忆恳应怿懔怀蒙怼懑恹惩懒怀悬忏惧慑恋戆戋战戗戬戏战戏戏户户戾拂捍拔择抛拼拜据扩举捝挲挟插搜舍扪挨卷扫抡挜挣挂采揭搔拣扬'
                    '换挥搄摇损摇捣扇揾抢摄掴掼搂挚抠抟折掺击捞挦撑挠挢掸拨抚扑揿搅挞挝捡拥掳择击挡担据挤抬捣举拟摈拧搁掷扩撷摆擞撸扰摅撵拢拦'
                    '撄搀撺携摄攒挛摊搅揽叙教敚败叙敌数敛毙敩斋斋斓斩断于旗既升时晄晋昼晚晓晕晖旸畅历暂暨晔历昙晓向暧旷昽晒书曽会胧术东拐栅拐'
                    '查荣桑樱枡栈杆栀枧条枭棁弃棋枨枣栋栈栖梾桠检杨枫榆桢业极乐槪矩干杩荣榅桤槙构枪杠样梿椠椁椮桨椢椝桩乐枞梁楼标枢样榝权桪朴'
                    '树桦椫桡桥机椭横檩柽档桧槚检樯梼台槟柠槛柜橹榈栉椟橼栎橱槠栌枥橥榇蘖栊榉樱栏榉权椤栾榄棂缺钦叹欧欢欤欢步齿岁岁历历归殁残'
                    '殒殇殚僵殓殡歼杀壳壳毁殴每毵牦毡氇气气氢氩氲冰泛泛污污决没冲泽况溯泄汹净滨浃泾涚泪凉凄泪渌净凌沦渊涞清浅渴济涉涩溪涣减沨'
                    '涡测浑凑浈涌汤满沩泼准沟温浉涢湿沧灭涤荥汇泷沪沪滞渗卤浒浐滚满渔溇沤汉涟渍涨溆渐浆颍泼洁沩潜润浔溃滗涠涩涩浇涝沄涧渑泽滪'
                    '泶浍淀浊浓湿泞溁蒙浕济涛滥潍滨滨溅泺沪澛滢渎泻沈浏濒泸沥潇潆潴泷濑濑弥潋澜沣滠洒漓滩灏湾滦滟滟灾为乌烃焰无烧炼炜烟茕焕烦'
                    '炀煴荧炝热颎炽烨灯炖烧烫焖营灿毁烛烩熏烬焘烁炉烂争为爷尔床墙牍抵牵荦牦牺犊牺状狭狈狰猎犹狲犸呆狱狮奖兽独狯猃狝狞获猎犷兽'
                    '獭献猕猡现雕珐珲玮玚琐瑶莹玛玱琏琎玑瑷珰环玙瑸玺璇琼珑璎瓒辩甁瓯瓮产产亩毕画异叠画当畴叠痉酸瘦痹疴痖疯疡痪瘗疮疟瘆疭瘘瘘'
                    '疗痨痫瘅愈疠瘪痴痒疖症疬癞癣瘿瘾痈瘫癫发发皂皋皑疱皲皱杯盗盏尽监盘卢荡县真眦众困睁睐眍瞒瞆睑蒙眬瞩矫硏碎朱硁硖砗砚埼硕砀'
                    '砜确码硙砖硵碜碛矶硗硚础碍矿砺砾矾砻秘禄祸祯祎祃御禅礼祢祷秃籼税秆棱禀种称稻谷穗稣积颕稳秾穑秽穰稳获穞窝洼穷窑窎窭窥灶窜'
                    '窍窦灶窃龙并竖竞笔笋笕个笺筝札节范筑箧筼筿笃筛筚箦篓蓑箪简篑箫筜签帘篮筹箓篯箨籁笼签笾簖篱箩吁粹肃妆粤粽糁粪粮团粝籴粜丝'
                    '纟纠纪纣约红纡纥纨纫纹纳纽纾纯纰纼纱纮纸级纷纭纴纺扎细绂绁绅纻绍绀绋绐绌终弦组绊经绗结绝绦绔绞络绚给绒绖统丝绛绘绝绢绑绡'
                    '绠绨绣绤绥捆经继续综缍绿绸绻线绶维绹绾纲网绷缀彩纶绺绮绽绰绫绵绲缁紧绯总绿绪绬绱绪缃缄缂线缉缎缔缗缘缌编缓缅纬缑缈练缏缇'
                    '致缊缘绳萦缙缢缒绉缣缊缞缚缜缟缛县纵绦缝缡缩纵缧纤缦絷缕缥总绩绷缫缪纤系绣缯织缮缭绕绣缋绳绘系茧缰缳缲缴绎继缤缱颣缬纩续'
                    '累缠缨才纤缵缆罐钵坛罂坛罚骂罢罗罴羁芈群羟羡义膻习玩翚翘飜翙耧耢圣闻聪联聪声耸听聩聂职聍听聋肃胁脉胫唇修脱脑胀肾胨脶脑肿'
                    '脚肠腽腘肤胶腻胆脍脓脸脐膑脏腊胪脏脔臜卧临台与兴举旧舍铺铺馆舱舣舰舻艰艳艳艺刍苎荔兹荆庄庄茎荚苋华庵烟苌莱萠万荝莴叶荭荮'
                    '苇药荤搜莼莳蒀莅苍荪席盖莲苁莼荜卜参蒌蒋葱茑荫荨蒇荞荬艺莸荛蒉荡芜萧蓣蕰荟蓟芗姜蔷园荙莶荐萨薰药苎苔荠蓝荩蔵艺药薮蕴苈蔼'
                    '蔺萚蕲芦苏蕴苹藓蔹茏兰蓠萝蔂处虚虏号亏虬萤蛱蜕蚬蜡蚀猬虾虱蜗蛳蚂萤蝼螀蛰蝈螨虮蝉蛲虫蛏蚁蚃蝇虿蝎蛴蝾蚝蜡蛎蟏蛊蚕蛮众蔑术'
                    '同胡卫冲卫衮夹袅里补装里制复裈襃袆裤裢褛亵裥裥袯袄裣裆褴袜摆衬袭襕霸核见觃规觅视觇觉觋觍觎览亲觊觏觐观觑觉览觌观觞觯触讠'
                    '订讣计讯讧讨讦讱训讪讫托记讹讶讼诀讷讻访设许译诉诃诊注证诂诋讵诈诒诏评诐诇诎诅词咏诩询诣试诗诧诟诡诠诘话该详诜诙诖诔诛诓'
                    '夸志认诳诶诞诱诮语诚诫诬误诰诵诲说说读谁课谇诽谊訚调谄谆谈诿请诤诹诼谅论谂谀谍谞谝谥诨谔谛谐谏谕咨讳谙谌讽诸谚谖诺谋谒谓'
                    '誊诌谎谜谧谑谡谤谦谥讲谢谣谣谟谪谬谫讴谨谩哗证谲讥谮识谯谭谱噪谵毁译议让谴护诪誉谫读谉变詟雠谗让谰谶赞谠谳溪岂丰竖丰艳猪'
                    '豮狸猫贝贞贠负财贡贫货贩贪贯责贮贳赀贰贵贬买贷贶费贴贻贸贺贲赂赁贿赅资贾贼赈赊宾赇赒赉赞赐赏赔赓贤卖贱赋赕质赍账赌赖赗赚'
                    '赙购赛赜贽赘赟赠赞赝赡赢赆赃赑赎赝赣赃赪赶赵趋趱迹践逾踊跄跸迹跖蹒踪跷跶趸踌跻跃踯跞踬蹰跹蹑蹿躜躏躯车轧轨军轪轩轫轭软转'
                    '轷轸轱轴轵轺轲轶轻轼较辂辁辀载轾辆辄挽辅轻辆辎辉辋辍辊辇辈轮辌辑辏输辐辒辗舆辒毂辖辕辘转辙轿辚轰辔轹轳办辩辞辫辩农边联回'
                    '递径这联周进迟游运过达违遥逊递远溯适迟绕迁选遗辽迈还迩边边逻逦郎郏邮乡郓乡邹邬乡郧邓郑邻郸邺郐邝酂郦醉腌酝酦丑酝蒏糖酱医'
                    '酱酦酿酿衅酾酽释释厘钅钆钇钌钊钉钋针钓钐扣钏钒钗钍钕钎钯钫钘钭钥钚钠钝钩钤钣钑钞钮钧钟钙钬钛钪铌铈钶铃钴钹铍钰钸铀钿钾铁'
                    '巨钻铊铉铇铋铂钷钳铆铅钺钵钩钲钼钽鑛锫铏铰铒铬铪银铳铜铚铣铨铢铭铫铦衔铑铷铱铟铵铥铕铯铐钱铞锐销锈锑锉铝锒锌钡铤铗锋铻锊'
                    '锓铘锄锃锔锇铓铺锐铖锆锂铽铸锍锯钢锞录锖锫锩铔锥锕锟锤锱铮锛锬锭锜钱锦锚锠锡炼锢错录锰表铼镎锝锨锪钫钔锴锳炼锅镀锷铡钖锻'
                    '锽锸锲锘锹锾键锶锗针钟镁锿镅镑镰镕锁镉锤镈镃钨蓥镏铠铩锼镐镇镇镒镋镍镓鿔镌镎镞旋链镆镙镠镝铿锵镗镘镛铲镜镖镂錾镚铧镤镪锈'
                    '铙铴镣铹镦镡钟镫镢镨锎锏镄镌镰镯镭铁镮铎铛镱铸镬镔鉴鉴镲锧镴铄镳镥镧钥镵镶镊镩锣钻銮凿镢镋长门闩闪闫闬闭开闶闳闰闲闲间闵'
                    '闸阂关阁合阀闺闽阃阆闾阅阅阊阉阎阏阍阈阌阒板暗闱阔阕阑阇阗阘闿阖阙闯斗关阚阓阐辟阛闼陉陕升阵陷阴陈陆险阳陧队阶陨际隐邻随'
                    '险陦隐陇隶只隽杂虽双雏杂鸡离难云电灵沾霡雾霁雳霭叇灵叆靓静靔腼靥巩绱秋鞒缰鞑千鞯韦韧韨韩韪韬鞲韫韵响页顶顷项顺顸须顼颂颀'
                    '颃预顽颁顿颇领颌颉颐颏头颒颊颋颕颔颈颓频赖颓颗题额颚颜颙颛颜显愿颡颠类颟颢顾颤颥显颦颅颞颧颕风飐飑飒台刮飓飔飏飖飕飗飘飙'
                    '飚飞饣饥饤饦饨饪饫饬饭飧饮饴饲饱饰饳饺饸饼糍饷养饵饹饻饽馁饿馂饾余肴馄馃饯饼馅馆糊糇饧喂馉馇馎饩馏馊馌馍馒馐馑馓馈馔饥饶'
                    '飨餍馋馕马驭冯驮驰驯驲驳驿驱驱驻驽驹驵驾骀驸驶驼驷骂骈骇骃骆骎骏骋骍骓骔骒骑骐骚验骛骗骙骞骘骝腾驺骚骟骡蓦骜骖骠骢驱骅骕'
                    '骁骣骄验惊驿骤驴骧骥骦骊骉肮髓髅脏体髌髋发发松胡须鬓斗闹哄阋斗斗阄郁鬶魉魇鱼鱽鱾鲀鲁鲂鱿鲄鲅鲆鲌鲉鲏鲇鲐鲍鲋鲊鲒鲘鲞鲕鲖'
                    '鲔鲛鲑鲜鲓鲪鲝鲧鲠鲩鲤鲨鲬鲻鲯鲭鲞鲷鲴鲱鲵鲲鲳鲸鲮鲰鲶鲺鳀鲫鳊鳈鲗鳂鲽鳇鳅鲾鳄鳆鳃鳁鳒鳑鳋鲥鳏鳎鳐鳍鳁鲢鳌鳓鳘鲦鲣鲹鳗鳛'
                    '鳔鳉鳙鳕鳖鳟鳝鳜鳞鲟鲼鲎鲙鳣鳡鳢鲿鲚鳠鳄鲈鲡鸟凫鸠凫鸤凤鸣鸢鸩鸨鸦鸥鸰鸵鸳鸲鸮鸱鸪鸯鸭鸸鸹鸻鸿鸽鸺鸼鹀鹃鹆鹁鹈鹅鹄鹉鹌鹏'
                    '鹐鹎雕鹊鹓鹍鸫鹑鹒鸡鹋鹙鹕鹗鹖鹛鹜鸧莺鹟鹤鹠鹡鹘鹣鹚鹚鹢鹞鸡鹝鹧鹥鸥鸷鹨鸶鹪鹔鹩鹫鹇鹇鹬鹰鹭鸴鹯鹱鹲鸬鹴鹦鹳鹂鸾卤碱咸鹾'
                    '碱盐丽麦麸面面曲曲面曲面么么黄黉黒默点党黪霉黡黩黾鼋鼌鳖鼍冬鼹斋斋赍齑斋齿龀龁龂龅龇龃龆龄龄出龈啮龊龉龋腭龌龙厐庞龚龛龟'
                    '鿒',
                    NULL
                )
            ) ->> form,
            form
        );
    END LOOP;
    RETURN simplified;
END;
$$;
""",
            reverse_sql="DROP FUNCTION public.circe_simplify_han;",
        ),
        django_migrate_sql.operations.CreateSQL(
            name="circe_fold",
            sql=r"""-- Folds a text for search. It removes case, accents, vowel points and invisible characters, writes the forms of one
-- letter as one letter, and puts `gap` in place of punctuation. A gap of '' joins what punctuation separates. Words are
-- separated by one space. It uses no dictionary of the server's files and no class of the locale, so that all servers
-- fold alike.
CREATE OR REPLACE FUNCTION public.circe_fold(value text, gap text DEFAULT ' ') RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
DECLARE
    folded text := lower(value);
BEGIN
    IF octet_length(folded) <> length(folded) THEN
        -- A voicing mark that was typed after its kana is joined to it. Unicode would put a space between them.
        folded := lower(normalize(translate(value, '゛゜', E'\u3099\u309A'), NFKD));
        -- Combining accents, Hebrew points, Arabic vowel marks, hamzas and the tatweel, Indic nuktas; invisible characters.
        folded := regexp_replace(
            folded,
            '[\u0300-\u036F\u0483-\u0489\u0591-\u05BD\u05BF\u05C1\u05C2\u05C4\u05C5\u05C7\u0610-\u061A\u0640'
            || '\u064B-\u065F\u0670\u0674\u06D6-\u06DC\u06DF-\u06E4\u06E7\u06E8\u06EA-\u06ED\u08CA-\u08FF\u093C'
            || '\u09BC\u0A3C\u0ABC\u0B3C\u0C3C\u0CBC\u1AB0-\u1AFF\u1DC0-\u1DFF\u20D0-\u20FF\uFE20-\uFE2F'
            || '\u00AD\u034F\u0600-\u0605\u061C\u06DD\u070F\u0890-\u0891\u08E2\u115F-\u1160\u17B4-\u17B5'
            || '\u180B-\u180F\u200B\u200D-\u200F\u202A-\u202E\u2060-\u206F\u3164\uFE00-\uFE0F\uFEFF\uFFA0'
            || '\uFFF0-\uFFFB\U000110BD\U000110CD\U00013430-\U0001343F\U0001BCA0-\U0001BCA3\U0001D173-\U0001D17A'
            || '\U000E0000-\U000E0FFF]', '', 'g'
        );
    END IF;
    IF octet_length(folded) <> length(folded) THEN
        folded := regexp_replace(folded, '[' || public.circe_punctuation() || ']', gap, 'g');
    END IF;
    IF octet_length(folded) <> length(folded) THEN
        folded := replace(replace(replace(replace(folded, 'ß', 'ss'), 'æ', 'ae'), 'œ', 'oe'), 'þ', 'th');
        folded := translate(folded, 'ðøđħıȷłŋŧəǝɛɔƀɓƈɖɗƒɠɨƙĸƚɲƥƭʈʉʋƴƶǥɡȼɇɍɏⱥⱦ', 'dodhijlnteeeobbcddfgikklnpttuvyzggceryat');
        -- Thai and Lao tones stand before the ring of SARA AM, in whichever order they were typed. Letters of Bengali and
        -- Malayalam without a vowel are a letter and its virama, as older systems write them.
        IF folded ~ '[\u09CE\u0D7A-\u0D7F\u0E4D\u0ECD]' THEN
            folded := regexp_replace(folded, '([\u0E4D\u0ECD])([\u0E48-\u0E4B\u0EC8-\u0ECB]+)', '\2\1', 'g');
            folded := regexp_replace(folded, '([\u0D7A-\u0D7F])', E'\\1\u0D4D', 'g');
            folded := replace(translate(folded, 'ൺൻർൽൾൿ', 'ണനരലളക'), 'ৎ', E'ত\u09CD');
        END IF;
        -- Final forms; the Arabic, Persian and Urdu forms of alef, yeh, kaf and heh; variants of Chinese characters.
        folded := translate(folded, 'ςґךםןףץٱٲٳىیۍێېےکڪةەہھۃँ髙﨑𠮷', 'σгכמנפצاااييييييككهههههं高崎吉');
        IF folded ~ '[\u4E00-\u9FFF]' THEN
            folded := public.circe_simplify_han(folded);
        END IF;
        -- This joins the letters of a Hangul syllable, or a kana and its voicing mark, to one character again.
        folded := normalize(folded, NFC);
        -- A replacement of so many characters takes long, so it runs only if the text has one of them.
        IF folded ~ '[\u0660-\u0669\u06F0-\u06F9\u07C0-\u07C9\u0966-\u0DEF\u0E50-\u0E59\u0ED0-\u0F29\u1040-\u17E9]' THEN
            folded := translate(
                folded,
                '٠١٢٣٤٥٦٧٨٩۰۱۲۳۴۵۶۷۸۹߀߁߂߃߄߅߆߇߈߉०१२३४५६७८९০১২৩৪৫৬৭৮৯੦੧੨੩੪੫੬੭੮੯૦૧૨૩૪૫૬૭૮૯୦୧୨୩୪୫୬୭୮୯௦௧௨௩௪௫௬௭௮௯౦౧౨౩౪౫౬౭౮౯'
                || '೦೧೨೩೪೫೬೭೮೯൦൧൨൩൪൫൬൭൮൯෦෧෨෩෪෫෬෭෮෯๐๑๒๓๔๕๖๗๘๙໐໑໒໓໔໕໖໗໘໙༠༡༢༣༤༥༦༧༨༩၀၁၂၃၄၅၆၇၈၉႐႑႒႓႔႕႖႗႘႙០១២៣៤៥៦៧៨៩',
                '0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789'
                || '012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789'
            );
        END IF;
        IF folded ~ '[\u3099\u309A\u30A1-\u30FE]' THEN
            folded := translate(
                folded,
                'ァアィイゥウェエォオカガキギクグケゲコゴサザシジスズセゼソゾタダチヂッツヅテデトドナニヌネノハバパヒビピフブプヘベペホボポマミムメモャヤュユョヨラリルレロヮワヰヱヲンヴヵヶヽヾ゙゚',
                'ぁあぃいぅうぇえぉおかがきぎくぐけげこごさざしじすずせぜそぞただちぢっつづてでとどなにぬねのはばぱひびぴふぶぷへべぺほぼぽまみむめもゃやゅゆょよらりるれろゎわゐゑをんゔゕゖゝゞ'
            );
        END IF;
        -- Pictures are words of their own.
        folded := regexp_replace(folded, '([\u2100-\u2BFF\u3004\u3012-\u3020\U0001F000-\U0001FBFF]+)', ' \1 ', 'g');
    END IF;
    folded := translate(
        folded,
        E'\t\n\x0B\f\r!"#$%&\'()*+,-./:;<=>?@[\\]^_`{|}~', '     ' || repeat(gap, 32)
    );
    IF strpos(folded, '  ') > 0 THEN
        folded := regexp_replace(folded, ' {2,}', ' ', 'g');
    END IF;
    RETURN btrim(folded);
END;
$$;
""",
            reverse_sql="DROP FUNCTION public.circe_fold;",
            dependencies=[("customers", "circe_punctuation"), ("customers", "circe_simplify_han")],
        ),
        django_migrate_sql.operations.CreateSQL(
            name="circe_folded_name",
            sql="""-- Returns the name by which customers are sorted: the first name, then the last name, folded. The index customer_name is on
-- it: after a change of this function or of circe_fold, reindex.
CREATE OR REPLACE FUNCTION public.circe_folded_name(first_name text, last_name text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT public.circe_fold(first_name || coalesce(' ' || last_name, ''))
$$;
""",
            reverse_sql="DROP FUNCTION public.circe_folded_name;",
            dependencies=[("customers", "circe_fold")],
        ),
        django_migrate_sql.operations.CreateSQL(
            name="circe_name_words",
            sql="""-- Returns the folded words of a name, then the words without a gap at punctuation, then all words as one. Each of the
-- three comes once: `Sinéad O'Brien` gives `sinead o brien sinead obrien sineadobrien`, and `Jane` gives `jane`.
CREATE OR REPLACE FUNCTION public.circe_name_words(name text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
DECLARE
    words text := public.circe_fold(name);
    joined text := replace(words, ' ', '');
    unbroken text;
BEGIN
    IF words = joined THEN
        RETURN words;
    END IF;
    unbroken := public.circe_fold(name, '');
    RETURN words || CASE WHEN unbroken IN (words, joined) THEN '' ELSE ' ' || unbroken END || ' ' || joined;
END;
$$;
""",
            reverse_sql="DROP FUNCTION public.circe_name_words;",
            dependencies=[("customers", "circe_fold")],
        ),
        django_migrate_sql.operations.CreateSQL(
            name="circe_email_words",
            sql="""-- Returns an e-mail address, or a part of one with an `@`, folded, without other punctuation. `J.Doe@ex` gives `j doe@ex`.
CREATE OR REPLACE FUNCTION public.circe_email_words(email text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
DECLARE
    domain text := split_part(email, '@', -1);
BEGIN
    RETURN public.circe_fold(left(email, -1 - length(domain))) || '@' || public.circe_fold(domain);
END;
$$;
""",
            reverse_sql="DROP FUNCTION public.circe_email_words;",
            dependencies=[("customers", "circe_fold")],
        ),
        django_migrate_sql.operations.CreateSQL(
            name="circe_search_text",
            sql=r"""-- Returns the text in which a customer is searched: a line with the words of the names, and a line with the words of
-- e-mail and phone. Each word has a space before it, so that LIKE '% an%' finds the words that begin with an. The domain
-- of the address is also a word of its own, and the phone number has no plus. Pairs of characters of the names stand in
-- the second line, since the words of the first line become name keys.
-- The column customers_customer.search_text is generated by it: after a change of this function every row has to be
-- written again.
CREATE OR REPLACE FUNCTION public.circe_search_text(first_name text, last_name text, email text, phone text)
RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
DECLARE
    first_words text := public.circe_name_words(first_name);
    last_words text := coalesce(public.circe_name_words(last_name), '');
    email_words text := public.circe_email_words(email);
    names text := ' ' || first_words || ' ' || last_words;
    -- Characters of scripts that are written without spaces: Thai, Lao, Myanmar, Khmer, kana, Han, Yi and Hangul.
    spaceless CONSTANT text := '\u0E00-\u0EFF\u1000-\u109F\u1780-\u17FF\u3005-\u3007\u3040-\u30FF\u3100-\u312F'
        || '\u3400-\u9FFF\uA000-\uA4CF\uAC00-\uD7A3\U00020000-\U0003FFFF';
    given text;
    family text;
    characters text;
    pairs text := '';
BEGIN
    IF names ~ ('[' || spaceless || ']') THEN
        -- The names can be searched as one word, in either order. They can also be searched by their characters of
        -- these scripts alone, if they have characters of other scripts too.
        -- The last word of circe_name_words is the whole name as one word.
        given := regexp_replace(first_words, '^.* ', '');
        family := regexp_replace(last_words, '^.* ', '');
        characters := regexp_replace(family || given, '[^' || spaceless || ']+', '', 'g');
        names := names || ' ' || family || given || ' ' || given || family || ' ' || characters;
        -- A searched word of one or two characters matches only the beginning of a word (circe_word_pattern). So a
        -- word is made from each character and the next one.
        pairs := ' ' || regexp_replace(characters, '(..)', '\1 ', 'g')
            || ' ' || regexp_replace(substr(characters, 2), '(..)', '\1 ', 'g');
    END IF;
    RETURN names || E'\n' || pairs || coalesce(' ' || email_words || ' ' || split_part(email_words, '@', 2), '')
        || coalesce(' ' || substr(phone, 2), '');
END;
$$;
""",
            reverse_sql="DROP FUNCTION public.circe_search_text;",
            dependencies=[("customers", "circe_name_words"), ("customers", "circe_email_words")],
        ),
        django_migrate_sql.operations.CreateSQL(
            name="circe_word_pattern",
            sql="""-- Returns the LIKE pattern for texts that contain a word. For a word of one or two characters it is the pattern for
-- texts in which a word begins with it, since the trigram index cannot find so short a part within a word. If folding
-- leaves nothing of the word, as of a single accent, the pattern is NULL, which matches no text. A folded word has no
-- wildcards.
CREATE OR REPLACE FUNCTION public.circe_word_pattern(word text) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE STRICT AS $$
DECLARE
    folded text := replace(public.circe_fold(word, ''), ' ', '');
BEGIN
    RETURN '%' || CASE WHEN length(folded) < 3 THEN ' ' ELSE '' END || nullif(folded, '') || '%';
END;
$$;
""",
            reverse_sql="DROP FUNCTION public.circe_word_pattern;",
            dependencies=[("customers", "circe_fold")],
        ),
        django_migrate_sql.operations.CreateSQL(
            name="circe_word_beginning_pattern",
            sql="""-- Returns the LIKE pattern for texts in which a word begins with this word. For NULL and wildcards, see
-- circe_word_pattern.
CREATE OR REPLACE FUNCTION public.circe_word_beginning_pattern(word text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
    SELECT '% ' || nullif(replace(public.circe_fold(word, ''), ' ', ''), '') || '%'
$$;
""",
            reverse_sql="DROP FUNCTION public.circe_word_beginning_pattern;",
            dependencies=[("customers", "circe_fold")],
        ),
        django_migrate_sql.operations.CreateSQL(
            name="circe_email_pattern",
            sql="""-- Returns the LIKE pattern for texts that contain an e-mail address, or a part of one with an `@`.
CREATE OR REPLACE FUNCTION public.circe_email_pattern(part text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
    SELECT '%' || public.circe_email_words(part) || '%'
$$;
""",
            reverse_sql="DROP FUNCTION public.circe_email_pattern;",
            dependencies=[("customers", "circe_email_words")],
        ),
        django_migrate_sql.operations.CreateSQL(
            name="circe_name_beginning_pattern",
            sql=r"""-- Returns the LIKE pattern for texts of circe_search_text in whose first line, which has the names, a word begins with this
-- word.
CREATE OR REPLACE FUNCTION public.circe_name_beginning_pattern(word text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE STRICT AS $$
    SELECT public.circe_word_beginning_pattern(word) || E'\n%'
$$;
""",
            reverse_sql="DROP FUNCTION public.circe_name_beginning_pattern;",
            dependencies=[("customers", "circe_word_beginning_pattern")],
        ),
    ]
