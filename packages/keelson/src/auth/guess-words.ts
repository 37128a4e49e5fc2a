/** The words, names and keyboard walks that common passwords are made of. */

/**
 * Lower case, four letters and more.
 *
 * Source: gathered by hand from what the published yearly lists of common passwords name again and again (SplashData 2011 to 2019, NordPass 2019 to
 * 2025, the NCSC's analysis of 2019), without the digits and signs that are put around them: those the check takes off by itself.
 */
export const commonWords: readonly string[] = `
aaron abcabc abcd abgrtyu access account action adidas admin administrator adobe adrian airborne alaska albert alejandra alejandro alex alexander alexandra
alexandre alexis alice alicia allison allstar alpha amanda amateur america american anakin andrea andreas andrew android angel angela angelica angelina angels
angelo animal animals anna annie anthony antonio apollo apple apples april aquarius archer argentina ariana arizona arsenal arthur ashley asshole assassin
august austin australia azerty baby babygirl babylon backup badboy ballin banana bandit barbara barbie barcelona barney baseball basketball bastard batman
beach bean bear beast beautiful beauty beaver bella benjamin berlin beyonce bigboy bigdaddy bigdog billy bingo biteme black blackbird blackcat blackjack
blessed blessing blink blizzard blonde blood blossom blowjob blue bluebird bluesky bond bonjour bonnie booboo boogie boomer boston bowling bradley brandon
brandy brazil brenda brian britney brittany broken bronco broncos brooklyn brother brownie bruce bubba bubble bubbles buddy buffalo bugs bulldog bullet
bullshit bunny buster butter buttercup butterfly button caleb calvin camaro cameron canada candy captain carlos carmen carolina caroline carter cassie
casper castle catalina catdog catherine changeme changeit charles charlie charlotte cheese cheetah chelsea cherokee cherry chester chevrolet chevy chicago
chicken chico chips chivas chocolate chopper chris chrissy christ christian christina christine christmas christopher cindy claire claudia clover cobra
cocacola coffee college colorado compaq computer connor contact control cookie cookies cool cooper corona corvette cotton courtney cowboy cowboys coyote
crazy creative cricket cristian cristina crystal cuteako cutie cutiepie cynthia daddy daddysgirl daisy dakota dallas daniel daniela danielle darkness
darling david davidson debbie december default defender delfin delicious dell delta demon denise dennis denver deskjet destiny detroit devil dexter diablo
diamond diana diego digital dirty disney doctor dodgers dolphin dolphins domain dominic donald donkey doraemon dragon dragonball dreamer dreams ducati
eagle eagles eastern eclipse eduardo edward einstein electric elephant elizabeth emily eminem emmanuel enigma enter eric erica estrella eternity europe
everton evolution experience explorer facebook faith falcon family fantasy father february felicia felipe fender fenerbahce fernando ferrari fire fireball
firebird firefly firefox fireman fish fishing flamingo florida flower flowers fluffy football ford forest forever formula fossil francis francisco frank
frankie franklin freak freddy free freedom freeman french friday friend friends friendster frosty fuck fucker fucking fuckme fuckoff fuckyou galaxy gandalf
garfield gateway gemini general genesis george georgia gerald germany ghost giants gibson gigi ginger giovanni girlfriend girls gloria godisgood godzilla
golden goldfish golf golfer goober goodluck google gordon grace gracie grandma green greenday guest guitar gunner hahaha hailey hammer handsome hannah happy
happiness hardcore harley harrison harry heaven heather hello hellokitty helpme hendrix henry hercules hermione hockey holiday hollywood home honda honey
horny horses hotdog hotmail hotrod hottie hotstuff houston howard hunter icecream iceman iloveme iloveu iloveyou iloveyouso india indian infinity inter
internet ireland ironman isabel isabella israel italia jackass jackie jackson jacob jaguar jake james janice january jasmine jason jasper jayden jeff jeffrey
jellybean jennifer jenny jeremy jerome jessica jessie jesus jesuschrist jimmy joanna john johncena johnny johnson jonathan jordan jorge jose joseph joshua
juice julian juliana julie junior jupiter justice justin justine juventus kangaroo karen karina katherine kathleen katie kawasaki keeper kelly kenneth kevin
killer kimberly kingdom kingkong kissme kitten kitty knight kristen kristina kristine labtec lady lakers lalala lauren leather legend lemon leonardo letmein
liberty lifehack lincoln linda linkedin lion little liverpool lollipop london lonely lovely lover loverboy lovers loveme love loveyou lovelove lucky lucky
lucifer mackenzie maddie madison maggie magic magnum mamapapa manager manchester mariana maria mariah marie marina marine marines mario mariposa marlboro
marley marshall martin martina master masters matrix matthew maverick maxwell maxine mazda melanie melissa member memory mercedes mercury merlin metallica
mexico miamor michael michelle michigan mickey mickeymouse microsoft midnight midget miguel mike millie million minecraft minnie miranda mistress mitchell
molly monday money monica monika monkey monkeys monster montana monique moomoo moonlight morgan moses mother motherfucker motorola mountain movie music
mustang myspace mypassword naruto natalia natalie natasha nathan ncc1701 nelson newcastle newyork newpass newpassword nicholas nicolas nicole nightmare
nikita ninja nintendo nirvana nissan nokia nothing november october oliver olivia online orange orlando packers pakistan pamela panda pantera panther
panthers paradise paramore parker passion passme passwort password passport passw pass passwd patches patricia patrick paul peace peaches peanut peanuts
penguin penis pepper perfect peter phantom phoenix photo picasso pickle picture pikachu pimpin pineapple pink pinkfloyd pirate pistons playboy player
playstation please pokemon poland police polina pookie poohbear popcorn porn porsche portugal potato prayer precious predator prince princesa princess
private problem prodigy professional promise prosper puppies puppy purple pussy python qwer qwert qwerty qazwsx rabbit rachel radio raiders rainbow
raiden ranger rangers raptor ravens realmadrid rebecca rebel redbull redneck redrose redskins redsox redwings regina remember requiem reset ricardo
richard ripper robert roberto rockstar rocky rodrigo roger rolltide romance ronaldo root rosebud rosie rotten royal runner rush russell russia sabrina
sailor sakura salasana samantha sammy samson samsung samuel sandra sandy saturn saturday savannah scarface school scooby scooter scorpio scorpion scotland
scott secret secure security senha sentinel september serenity service sexsex sexy sexygirl shadow shannon sharon shelby shithead shorty sierra silver
simone simpson simpsons single skater skippy skittles skywalker slayer slipknot smile smiles smith smokey smooth snickers snoopy snowball snowboard snowman
soccer softball soldier something sophia sophie soulmate spanish sparky special spencer spider spiderman spitfire spongebob sporting sports spring sprite
squirrel stanley starwars station steelers stefan stella stephanie stephen steve steven stewart sticky strawberry student stupid success sublime sugar
suckit summer sundance sunday sunflower sunrise sunset sunshine super superman supernova superstar support surfer susana suzuki swimming sydney system
tabitha taurus taylor teacher teamo techno teddy teddybear telephone temp temporary tennis teresa test tester testing testtest texas thebest thomas thunder
thursday thuglife tiffany tiger tigers tigger time tinker tinkerbell tintin titanic toby together tomcat tootsie toor topgun tottenham toyota travis trinity
tristan trouble truelove trustme trustno tucker tuesday turtle tweety twilight twister undertaker unicorn united unknown user valentin valentina valentine
vampire vanessa vanilla vegeta velvet venus veronica vero vfhbyf victor victoria vietnam viking vikings vincent violet viper virginia vision volcano
volleyball walker warcraft warrior warriors water webmaster wednesday welcome wesley whatever white whitney wicked wildcat william williams willow windows
winner winnie winston winter wisdom wizard wolf wolverine wolves wonder woody world wrestling xavier xbox xxxx yahoo yamaha yankee yankees yellow yourmom
yvonne zachary zaqxsw zeppelin zombie zxcv zxcvbnm
`
  .trim()
  .split(/\s+/u);

/** Neighbours on a keyboard, in the alphabet and among digits: pieces of these, forwards and backwards, are walks. */
export const walks: readonly string[] = [
  'abcdefghijklmnopqrstuvwxyz',
  '01234567890123456789',
  '112233445566778899',
  'aabbccddeeffgg',
  '147258369147',
  '159357159',
  'qwertyuiop[]',
  'asdfghjkl;',
  'zxcvbnm,./',
  'qwertzuiop',
  'azertyuiopqsdfghjklmwxcvbn',
  '1qaz2wsx3edc4rfv5tgb6yhn7ujm8ik9ol0p',
  '1qazxsw23edcvfr45tgbnhy67ujm',
  'qazwsxedcrfvtgbyhnujmikolp',
  'zaq12wsxcde34rfvbgt56yhn',
  'qazxswedcvfrtgbnhyujm',
  '1q2w3e4r5t6y7u8i9o0p',
  'q1w2e3r4t5y6u7i8o9p0',
  'a1b2c3d4e5f6g7h8',
  'a1s2d3f4g5h6',
  '1a2b3c4d5e6f',
  '!@#$%^&*()',
];
