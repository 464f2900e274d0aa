import Domain

/// How much each feature counts, for each class of users.
package struct BlendWeights: Equatable, Sendable {
    /// `[classes, F]`, a class in the order of its declaration.
    let values: [Float]

    init(_ values: [Float]) {
        precondition(values.count == UserClass.allCases.count * BlendFeature.count, "every class has every weight")
        self.values = values
    }

    func of(_ userClass: UserClass) -> ArraySlice<Float> {
        let begin = UserClass.allCases.firstIndex(of: userClass)! * BlendFeature.count
        return values[begin..<begin + BlendFeature.count]
    }
}
