import JSONTools
import WorkflowCore

extension DefinitionReader {
    private static let stageFields = [
        "name", "agent", "action", "workspace", "needs", "with", "required", "if", "timeout", "retry", "on_failure",
        "on_partial", "automation",
    ]
    private static let laterFields = [
        "gates": "let the stage's own action fail when its result is not good enough",
        "steps": "a stage is one action of one agent; write each step as a stage",
    ]
    private static let laterReactions = ["stay", "review_required", "create_questions", "revert"]

    /// The one automation level of this version.
    private enum Automation: String, CaseIterable {
        case fullyAuto = "fully_auto"
    }

    /// Reads one stage; what cannot be read gets its default, so that the rest is checked as well.
    mutating func stage(
        _ node: SourceNode, at pointer: JSONPointer, previous: String?, defaults: StageDefaults
    ) -> StageDraft {
        let members =
            fields(of: node, at: pointer, what: "a stage", known: Self.stageFields, later: Self.laterFields) ?? [:]
        // A stage that is no mapping has had its fault.
        let isStage = if case .mapping = node.content { true } else { false }
        let name = isStage ? name(in: members, "name", of: node, at: pointer) : nil
        let agent = isStage ? self.name(in: members, "agent", of: node, at: pointer) : nil
        let action = self.name(in: members, "action", of: node, at: pointer, default: name ?? "")
        let workspace: WorkspaceUse? = choice(in: members, "workspace", at: pointer)
        let needs = needs(in: members, at: pointer)
        let (with, withReads) = with(in: members, at: pointer)
        let (condition, conditionReads) = condition(in: members, at: pointer)
        let required = bool(in: members, "required", at: pointer) ?? true
        let _: Automation? = choice(
            in: members, "automation", at: pointer, later: ["auto_notify", "human_approval", "manual"])
        let timeout = duration(in: members, "timeout", at: pointer, within: DefinitionLimits.timeout)
        let onPartial: UnmetReaction? = choice(in: members, "on_partial", at: pointer, later: ["review"])
        let definition = StageDefinition(
            name: name ?? "",
            agent: agent ?? "",
            action: action,
            workspace: workspace ?? .read,
            needs: needs?.map(\.name) ?? previous.map { $0.isEmpty ? [] : [$0] } ?? [],
            with: with,
            condition: condition,
            required: required,
            timeout: timeout ?? defaults.timeout,
            retry: retry(in: members, at: pointer, default: defaults.retry),
            onFailure: onFailure(in: members, at: pointer, isRequired: required),
            onPartial: onPartial ?? .fail)
        return StageDraft(
            definition: definition,
            position: node.position,
            pointer: pointer,
            isNamed: name != nil,
            namePosition: members["name"]?.value.position ?? node.position,
            hasNeeds: members["needs"] != nil,
            needs: needs ?? [],
            needsPosition: members["needs"]?.value.position ?? node.position,
            reads: withReads + conditionReads)
    }

    private mutating func needs(
        in members: [String: SourceMember], at pointer: JSONPointer
    ) -> [StageDraft.Mention]? {
        guard let member = members["needs"] else { return nil }
        let place = pointer.appending("needs")
        guard case .sequence(let nodes) = member.value.content else {
            faults.add(
                member.value.position, place,
                "found \(Self.shown(member.value)); expected a list of stage names, as in [initialization]")
            return nil
        }
        var mentions: [StageDraft.Mention] = []
        for (index, node) in nodes.enumerated() {
            let place = place.appending(index)
            guard let name = name(node, at: place) else { continue }
            if mentions.contains(where: { $0.name == name }) {
                faults.add(node.position, place, "found '\(name)' twice in 'needs'; expected each stage once")
            } else {
                mentions.append(StageDraft.Mention(name: name, position: node.position, pointer: place))
            }
        }
        return mentions
    }

    private mutating func onFailure(
        in members: [String: SourceMember], at pointer: JSONPointer, isRequired: Bool
    ) -> UnmetReaction {
        let place = pointer.appending("on_failure")
        if let member = members["on_failure"], case .mapping(let inner) = member.value.content,
            inner.count == 1, inner[0].key == "revert"
        {
            faults.add(
                member.value.position, place,
                "'on_failure: revert' is not supported in this version: expected one of fail, continue")
            return .fail
        }
        let reaction: UnmetReaction? = choice(in: members, "on_failure", at: pointer, later: Self.laterReactions)
        if reaction == .continue, isRequired, let member = members["on_failure"] {
            faults.add(
                member.value.position, place,
                "found 'on_failure: continue' on a required stage; expected 'required: false' beside it")
        }
        return reaction ?? .fail
    }

    // MARK: Expressions

    private mutating func with(
        in members: [String: SourceMember], at pointer: JSONPointer
    ) -> (CompiledTemplate, [StageDraft.Reading]) {
        guard let member = members["with"] else { return (.empty, []) }
        let place = pointer.appending("with")
        guard case .mapping = member.value.content else {
            faults.add(
                member.value.position, place,
                "found \(member.value.kindName); expected what the action gets as a mapping")
            return (.empty, [])
        }
        let value = member.value.value
        let size = value.encoded().count
        if size > DefinitionLimits.withBytes {
            faults.add(
                member.value.position, place,
                "found \(size) bytes; expected at most \(DefinitionLimits.withBytes)")
        }
        var found: [CompiledTemplate.Fault] = []
        let template = CompiledTemplate(value, faults: &found)
        for fault in found {
            let node = member.value.nearest(to: fault.pointer)
            faults.add(
                position(of: fault.error, in: node), JSONPointer(tokens: place.tokens + fault.pointer.tokens),
                fault.error.description)
        }
        var reads: [StageDraft.Reading] = []
        if template.reads != ExpressionReads() { collectReads(in: member.value, at: place, into: &reads) }
        return (template, reads)
    }

    private func collectReads(in node: SourceNode, at pointer: JSONPointer, into reads: inout [StageDraft.Reading]) {
        switch node.content {
        case .scalar(.string(let text)):
            let found = CompiledTemplate.reads(in: text)
            if found != ExpressionReads() {
                reads.append(StageDraft.Reading(reads: found, position: node.position, pointer: pointer))
            }
        case .scalar: break
        case .sequence(let elements):
            for (index, element) in elements.enumerated() {
                collectReads(in: element, at: pointer.appending(index), into: &reads)
            }
        case .mapping(let members):
            for member in members {
                collectReads(in: member.value, at: pointer.appending(member.key), into: &reads)
            }
        }
    }

    private mutating func condition(
        in members: [String: SourceMember], at pointer: JSONPointer
    ) -> (CompiledExpression?, [StageDraft.Reading]) {
        guard let node = members["if"]?.value else { return (nil, []) }
        let place = pointer.appending("if")
        let text: String
        switch node.content {
        case .scalar(.string(let string)): text = string
        case .scalar(.bool(let value)): text = "{{ \(value) }}"
        case .scalar, .sequence, .mapping:
            faults.add(
                node.position, place,
                "found \(node.kindName); expected an expression, as in \"{{ input.skip != true }}\"")
            return (nil, [])
        }
        do {
            let condition = try CompiledExpression(template: text)
            let reads = [StageDraft.Reading(reads: condition.reads, position: node.position, pointer: place)]
            return (condition, reads)
        } catch {
            faults.add(position(of: error, in: node), place, error.description)
            return (nil, [])
        }
    }
}
