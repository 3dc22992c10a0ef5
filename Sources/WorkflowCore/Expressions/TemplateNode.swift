import JSONTools

/// A part of a read template.
indirect enum TemplateNode: Sendable {
    enum TextPart: Sendable {
        case text(String)
        case expression(CompiledExpression)
    }

    /// Nothing in it depends on the scope.
    case constant(JSONValue)
    case expression(CompiledExpression)
    case text([TextPart])
    case array([TemplateNode])
    case object([(key: String, value: TemplateNode)])

    func render(in scope: ExpressionScope, budget: inout EvaluationBudget) throws(ExpressionError) -> JSONValue {
        switch self {
        case .constant(let value): return value
        case .expression(let expression): return try expression.evaluate(in: scope, budget: &budget)
        case .text(let parts):
            var text = ""
            for part in parts {
                switch part {
                case .text(let piece): text += piece
                case .expression(let expression): text += try Self.text(of: expression, in: scope, budget: &budget)
                }
            }
            return .string(text)
        case .array(let elements):
            var values: [JSONValue] = []
            values.reserveCapacity(elements.count)
            for element in elements { values.append(try element.render(in: scope, budget: &budget)) }
            return .array(values)
        case .object(let members):
            var object = JSONObject()
            object.reserveCapacity(members.count)
            for member in members { object[member.key] = try member.value.render(in: scope, budget: &budget) }
            return .object(object)
        }
    }

    private static func text(
        of expression: CompiledExpression, in scope: ExpressionScope, budget: inout EvaluationBudget
    ) throws(ExpressionError) -> String {
        let value = try expression.evaluate(in: scope, budget: &budget)
        if let text = value.renderedScalar { return text }
        guard !value.isNull else {
            throw expression.error(
                .wrongType, "found null for '\(expression.source)' inside text; expected something to write",
                hint: "default(\(expression.source), '') stands in for what is missing")
        }
        return String(decoding: value.encoded(), as: UTF8.self)
    }
}
