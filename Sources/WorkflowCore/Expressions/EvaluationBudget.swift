/// What an evaluation may still use up.
struct EvaluationBudget {
    var steps: Int
    var bytes: Int

    init(steps: Int = ExpressionLimits.steps, bytes: Int = ExpressionLimits.resultBytes) {
        self.steps = steps
        self.bytes = bytes
    }
}
