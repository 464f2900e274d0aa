/// The words that the titles of one category are made of.
struct CategoryWords: Sendable {
    let name: String
    /// Bought again when used up.
    let isConsumable: Bool
    let looks: [String]
    let stuffs: [String]
    let nouns: [String]
    /// Put behind a comma or an inch sign, so that files have something to quote.
    let sizes: [String]

    private init(
        _ name: String, consumable: Bool = false, _ looks: String, _ stuffs: String, _ nouns: String, _ sizes: String
    ) {
        func words(_ text: String) -> [String] { text.split(separator: "/").map(String.init) }
        self.name = name
        isConsumable = consumable
        self.looks = words(looks)
        self.stuffs = words(stuffs)
        self.nouns = words(nouns)
        self.sizes = words(sizes)
    }

    /// The words of a category row; rows beyond the known categories repeat them under a numbered name.
    static func name(of row: Int) -> String {
        let round = row / all.count
        return round == 0 ? all[row].name : "\(all[row % all.count].name) \(round + 1)"
    }

    static func of(_ row: Int) -> CategoryWords { all[row % all.count] }

    private static let colours = "Blue/White/Black/Green/Red/Grey/Sand/Navy/Olive/Rust"
    private static let clothes = ", Small/, Medium/, Large"
    private static let packs = ", 250 g/, 500 g/, 1 kg"

    private static let all: [CategoryWords] = [
        CategoryWords("shirts", colours, "Linen/Cotton/Flannel/Silk/Denim", "Shirt/Blouse/Polo/Tee", clothes),
        CategoryWords(
            "coffee", consumable: true, "Dark/Light/Mild/Bold", "Kenya/Brazil/Java/Peru", "Coffee/Espresso", packs),
        CategoryWords("lamps", colours, "Oak/Brass/Glass/Paper", "Lamp/Lantern/Sconce", " 12\"/ 16\"/ 20\""),
        CategoryWords("trousers", colours, "Linen/Wool/Cord/Denim", "Trousers/Chinos/Shorts", clothes),
        CategoryWords(
            "tea", consumable: true, "Green/Black/White/Herbal", "Assam/Mint/Jasmine/Rooibos", "Tea/Infusion", packs),
        CategoryWords("rugs", colours, "Wool/Jute/Cotton/Sisal", "Rug/Runner/Mat", ", Small/, Large"),
        CategoryWords("dresses", colours, "Linen/Silk/Jersey/Velvet", "Dress/Gown/Skirt", clothes),
        CategoryWords(
            "chocolate", consumable: true, "Dark/Milk/White/Bitter", "Almond/Orange/Salt/Chili", "Chocolate/Truffles",
            packs),
        CategoryWords("cushions", colours, "Linen/Velvet/Wool/Canvas", "Cushion/Bolster/Pouffe", " 16\"/ 20\""),
        CategoryWords("jackets", colours, "Wool/Leather/Denim/Down", "Jacket/Coat/Parka", clothes),
        CategoryWords(
            "soap", consumable: true, "Mild/Fresh/Soft/Rich", "Olive/Lavender/Cedar/Rose", "Soap/Shampoo/Balm",
            ", Single/, Pack of 3"),
        CategoryWords("cookware", colours, "Steel/Iron/Copper/Enamel", "Pan/Pot/Skillet/Wok", " 8\"/ 10\"/ 12\""),
        CategoryWords(
            "shoes", colours, "Leather/Suede/Canvas/Rubber", "Boots/Sneakers/Sandals/Loafers", ", 38/, 40/, 42/, 44"),
        CategoryWords(
            "candles", consumable: true, "Tall/Round/Small/Scented", "Beeswax/Soy/Amber/Vanilla", "Candle/Tealights",
            ", Single/, Pack of 6"),
        CategoryWords(
            "knives", "Small/Long/Curved/Heavy", "Steel/Carbon/Damask/Ceramic", "Knife/Cleaver/Peeler", " 4\"/ 6\"/ 8\""
        ),
        CategoryWords("socks", colours, "Wool/Cotton/Bamboo/Merino", "Socks/Stockings/Tights", ", Pair/, Pack of 5"),
        CategoryWords(
            "pet food", consumable: true, "Dry/Wet/Crunchy/Tender", "Salmon/Chicken/Lamb/Duck", "Kibble/Treats/Dinner",
            packs),
        CategoryWords(
            "glassware", "Tall/Clear/Smoked/Ribbed", "Crystal/Glass/Borosilicate", "Tumbler/Carafe/Goblet/Vase",
            ", Single/, Set of 4"),
        CategoryWords("hats", colours, "Wool/Straw/Felt/Cotton", "Hat/Cap/Beret/Beanie", clothes),
        CategoryWords(
            "spices", consumable: true, "Smoked/Ground/Whole/Hot", "Paprika/Cumin/Pepper/Turmeric", "Spice/Blend/Rub",
            ", 50 g/, 100 g"),
        CategoryWords("towels", colours, "Linen/Cotton/Waffle/Terry", "Towel/Bathrobe/Washcloth", ", Small/, Large"),
        CategoryWords("bags", colours, "Leather/Canvas/Nylon/Cork", "Bag/Backpack/Tote/Wallet", ", Small/, Large"),
        CategoryWords("planters", colours, "Clay/Stone/Zinc/Wicker", "Planter/Pot/Trough", " 6\"/ 10\"/ 14\""),
        CategoryWords(
            "tools", "Small/Heavy/Folding/Compact", "Steel/Ash/Titanium", "Hammer/Saw/Wrench/Chisel",
            ", Single/, Set of 3"),
    ]
}
