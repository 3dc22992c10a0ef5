import JSONTools

extension TestGenerator {
    /// The tests of an OpenAPI document: `e2e/test_openapi.py`; nil when there is nothing to ask.
    ///
    /// - Parameters:
    ///   - plan: what can be asked.
    ///   - place: where the document is, for people.
    static func openAPI(_ plan: APIPlan, place: String) -> File? {
        guard !plan.isEmpty else { return nil }
        var names = PythonNames()
        var text = header("The app answers as its API description says.")
        text += """
            # From \(PythonSource.literal(place)).


            def declared(status, answers):
                \"""What the description says of a status: exactly, by its class (2XX), or for all others.\"""
                for name in (str(status), f"{status // 100}XX", "default"):
                    for known, types in answers:
                        if known.upper() == name.upper():
                            return types
                return None


            def check(response, answers):
                assert response.status < 500, f"status {response.status}: {response.text()}"
                if not answers:
                    return
                types = declared(response.status, answers)
                assert types is not None, f"status {response.status} is not in the description: {response.text()}"
                if types:
                    actual = response.headers.get("content-type", "").split(";")[0].strip().lower()
                    assert actual in types or "*/*" in types, f"content type {actual}, described are {types}"


            def ok(response, statuses):
                described = statuses or ["2XX"]
                is_one = str(response.status) in described or f"{response.status // 100}XX" in [s.upper() for s in described]
                assert is_one, f"status {response.status}, described are {described}: {response.text()}"

            """
        for probe in plan.probes {
            let answers = probe.answers.map { answer in
                JSONValue.array([.string(answer.status), .array(answer.types.map { .string($0) })])
            }
            text += """


                def \(names.test("GET \(probe.path)"))(api):
                    check(api.get(\(PythonSource.literal(probe.path))), \(PythonSource.literal(.array(answers))))

                """
        }
        for trip in plan.roundTrips { text += roundTrip(trip, &names) }
        return File(path: "e2e/test_openapi.py", text: text)
    }

    private static func roundTrip(_ trip: APIPlan.RoundTrip, _ names: inout PythonNames) -> String {
        func statuses(_ list: [String]) -> String { PythonSource.literal(JSONValue.array(list.map { .string($0) })) }
        let parts = trip.item.split(separator: "{}", maxSplits: 1, omittingEmptySubsequences: false)
        var text = """


            def \(names.test("round trip of \(trip.collection)"))(api):
                body = \(PythonSource.literal(trip.body))
                made = api.post(\(PythonSource.literal(trip.collection)), data=body)
                ok(made, \(statuses(trip.created)))
                name = made.json()[\(PythonSource.literal(trip.key))]
                place = \(PythonSource.literal(String(parts[0]))) + str(name)
                there = api.get(place)
                assert there.status == 200, f"status {there.status}: {there.text()}"
                answer = there.json()
                for key, value in body.items():
                    # Dates and numbers may be written in another way.
                    if key in answer and isinstance(value, (bool, int)):
                        assert answer[key] == value, f"{key} is {answer[key]!r}, was {value!r}"

            """
        if let replaced = trip.replaced { text += "    ok(api.put(place, data=body), \(statuses(replaced)))\n" }
        if let deleted = trip.deleted {
            text += "    ok(api.delete(place), \(statuses(deleted)))\n"
            text +=
                trip.saysMissing
                ? "    assert api.get(place).status == 404, \"it is there after it was deleted\"\n"
                : "    assert api.get(place).status >= 400, \"it is there after it was deleted\"\n"
        }
        return text
    }
}
