import Testing

@testable import PostgresDriver

@Suite
struct StatementCacheTests {
    private func text(_ number: Int) -> SQLText { SQLText(unchecked: "SELECT \(number)") }

    private func prepare(_ cache: inout StatementCache, _ number: Int) -> StatementCache.Entry? {
        guard case .prepare(let entry) = cache.use(text(number), types: [], call: 1) else { return nil }
        cache.confirm(entry)
        return entry
    }

    @Test func aPreparedStatementIsUsedAgain() throws {
        var cache = StatementCache(capacity: 2)
        let entry = try #require(prepare(&cache, 1))
        guard case .prepared(let again) = cache.use(text(1), types: [], call: 2) else {
            Issue.record("It should be found.")
            return
        }
        #expect(again === entry)
    }

    @Test func untilConfirmedItServesItsOwnCallOnly() {
        var cache = StatementCache(capacity: 2)
        guard case .prepare = cache.use(text(1), types: [], call: 1) else {
            Issue.record("The first use prepares.")
            return
        }
        guard case .prepared = cache.use(text(1), types: [], call: 1) else {
            Issue.record("The same call may count on it: they fail together.")
            return
        }
        guard case .unnamed = cache.use(text(1), types: [], call: 2) else {
            Issue.record("Another call may not.")
            return
        }
    }

    @Test func theLeastRecentlyUsedMakesRoom() throws {
        var cache = StatementCache(capacity: 2)
        let first = try #require(prepare(&cache, 1))
        let second = try #require(prepare(&cache, 2))
        _ = cache.use(text(1), types: [], call: 3)
        _ = try #require(prepare(&cache, 3))
        #expect(cache.takeEvicted() == [second.name])
        #expect(cache.takeEvicted() == [])
        guard case .prepared(let kept) = cache.use(text(1), types: [], call: 4) else {
            Issue.record("The first was used more recently.")
            return
        }
        #expect(kept === first)
        #expect(cache.count == 2)
    }

    @Test func otherTypesOfParametersAreNotMixedUp() throws {
        var cache = StatementCache(capacity: 2)
        _ = try #require(prepare(&cache, 1))
        guard case .unnamed = cache.use(text(1), types: [20], call: 2) else {
            Issue.record("The prepared statement has no parameters.")
            return
        }
    }

    @Test func whatIsBeingPreparedIsNotEvicted() {
        var cache = StatementCache(capacity: 1)
        guard case .prepare = cache.use(text(1), types: [], call: 1),
            case .unnamed = cache.use(text(2), types: [], call: 2)
        else {
            Issue.record("There is no room yet.")
            return
        }
        #expect(cache.takeEvicted() == [])
    }

    @Test func aForgottenStatementIsPreparedAnewUnderAnotherName() throws {
        var cache = StatementCache(capacity: 1)
        let entry = try #require(prepare(&cache, 1))
        cache.forget(entry)
        let anew = try #require(prepare(&cache, 1))
        #expect(anew.name != entry.name)
        cache.forget(entry)
        #expect(cache.count == 1, "the old entry is not the new one")
        cache.discard(anew)
        #expect(cache.takeEvicted() == [anew.name])
    }

    @Test(arguments: [
        ("COMMIT", true), ("  commit;", true), ("END", true), ("\nEnd TRANSACTION", true), ("COMMITS", false),
        ("SELECT 'COMMIT'", false), ("", false), ("ROLLBACK", false),
    ])
    func theEndOfATransactionIsRecognised(sql: String, ends: Bool) {
        #expect(SQLText(unchecked: sql).endsTransaction == ends)
    }

    @Test func literalsAreOneStatementEachAndTextsByContent() {
        let literals = (0..<2).map { _ -> SQLText in "SELECT 1" }
        #expect(literals[0] == literals[1])
        #expect(literals[0].hashValue == literals[1].hashValue)
        #expect(text(1) == text(1))
        #expect(text(1) != text(2))
        #expect(literals[0].description == text(1).description)
    }
}

@Suite
struct SQLStateTests {
    @Test func fiveDigitsAndCapitalsAndNothingElse() {
        #expect(SQLState("40001") == .serializationFailure)
        #expect(SQLState("40P01")?.description == "40P01")
        for wrong in ["", "4000", "400011", "4000a", "4000é", "FATAL:"] { #expect(SQLState(wrong) == nil) }
    }

    @Test func classes() {
        #expect(SQLState("22P05")?.classCode == "22")
        for code in ["40001", "40P01"] { #expect(SQLState(code)?.isRetryable == true) }
        for code in ["40002", "23505"] { #expect(SQLState(code)?.isRetryable == false) }
        for code in ["21000", "22021", "23505", "54000"] { #expect(SQLState(code)?.isDataFault == true) }
        for code in ["42601", "40001", "08006", "53300"] { #expect(SQLState(code)?.isDataFault == false) }
        for code in ["08006", "57P01", "57P02", "57P03"] { #expect(SQLState(code)?.isConnectionFault == true) }
        for code in ["57014", "57000", "40001"] { #expect(SQLState(code)?.isConnectionFault == false) }
    }
}
