import JSONTools
import Testing

@Suite struct JSONValueTests {
    @Test func `members keep their order, and order does not matter for equality`() {
        let first: JSONObject = ["b": 1, "a": 2]
        let second: JSONObject = ["a": 2, "b": 1]
        #expect(first.keys == ["b", "a"])
        #expect(first == second)
        #expect(first.hashValue == second.hashValue)
        #expect(first != ["a": 2, "b": 2])
        #expect(first != ["a": 2])
    }

    @Test(arguments: [3, 100])
    func `members are set, replaced and removed in small objects and large`(count: Int) {
        var object = JSONObject()
        for number in 0..<count { object[String(number)] = .integer(Int64(number)) }
        object["1"] = "one"
        object["0"] = nil
        object["missing"] = nil
        #expect(object.count == count - 1)
        #expect(object["0"] == nil)
        #expect(object["1"] == "one")
        #expect(object[String(count - 1)] == .integer(Int64(count - 1)))
        #expect(object.keys == (1..<count).map(String.init))
        object["0"] = true
        #expect(object.keys.last == "0")
        #expect(object["0", default: false] == true)
        #expect(object["none", default: false] == false)
    }

    @Test func `a hint speeds up reading in order and never changes what is found`() {
        let object: JSONObject = ["a": 1, "b": 2, "c": 3]
        var hint = 0
        #expect(object.value(of: "a", hint: &hint) == 1)
        #expect(hint == 1)
        #expect(object.value(of: "c", hint: &hint) == 3)
        #expect(object.value(of: "b", hint: &hint) == 2)
        #expect(object.value(of: "x", hint: &hint) == nil)
        #expect(object.value(of: "c", hint: &hint) == 3)
        #expect(object.value(of: "a", hint: &hint) == 1)
    }

    @Test func `numbers are equal by value, whatever their form`() {
        #expect(JSONValue.integer(1) == .number(1))
        #expect(JSONValue.integer(1).hashValue == JSONValue.number(1).hashValue)
        #expect(JSONValue.integer(.max) != .number(0x1p63))
        #expect(JSONValue.number(1.5) != .integer(1))
        #expect(JSONValue.bool(true) != .integer(1))
        #expect(JSONValue.number(2).intValue == 2)
        #expect(JSONValue.number(2.5).intValue == nil)
        #expect(JSONValue.integer(2).doubleValue == 2)
    }

    @Test func `equal values have one canonical text`() {
        let value: JSONValue = ["é": 1, "b": [1.0, 2.5, ["z": nil, "a": true]], "": "\u{7F}\n"]
        let same: JSONValue = ["": "\u{7F}\n", "b": [1, 2.5, ["a": true, "z": nil]], "é": 1.0]
        #expect(value.canonicalBytes() == same.canonicalBytes())
        #expect(
            String(decoding: value.canonicalBytes(), as: UTF8.self)
                == #"{"":"\#u{7F}\n","b":[1,2.5,{"a":true,"z":null}],"é":1}"#)
    }

    @Test func `text is escaped as JSON asks and NUL is replaced`() {
        let text = "\"\\/\u{8}\u{C}\n\r\t\u{1F}\u{0}é😀"
        #expect(JSONValue.string(text).description == #""\"\\/\u0008\u000c\n\r\t\u001f"# + "\u{FFFD}é😀\"")
    }

    @Test func `numbers are written in their shortest exact form`() {
        #expect(
            JSONValue.array([0, -7, .integer(.min), .integer(.max), 0.1, 1e100, -0.0, .number(.leastNonzeroMagnitude)])
                .description
                == "[0,-7,-9223372036854775808,9223372036854775807,0.1,1e+100,-0.0,5e-324]")
        #expect(JSONValue.array([.number(.nan), .number(.infinity)]).description == "[null,null]")
    }

    @Test func `the text for people has a line a member`() {
        let value: JSONValue = ["a": [1, [:], []], "b": ["c": "x"]]
        #expect(
            value.prettyPrinted() == """
                {
                  "a": [
                    1,
                    {},
                    []
                  ],
                  "b": {
                    "c": "x"
                  }
                }
                """)
    }

    @Test func `the writer puts commas and copies what is encoded already`() throws {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key(literal: "a")
        writer.raw(Array(#"{"x":1}"#.utf8))
        writer.key("q\"")
        writer.beginArray()
        writer.value(true)
        writer.null()
        writer.value(Timestamp(milliseconds: 0))
        writer.value(UniqueID(high: 0, low: 1))
        writer.endArray()
        writer.endObject()
        #expect(
            String(decoding: writer.bytes, as: UTF8.self)
                == #"{"a":{"x":1},"q\"":[true,null,"1970-01-01T00:00:00.000Z","00000000-0000-0000-0000-000000000001"]}"#
        )
    }

    @Test func `pointers are read, written and followed`() {
        let value: JSONValue = ["a/b": [10, ["~": "deep"]], "": 0]
        #expect(JSONPointer("/a~1b/1/~0").map { value[$0] } == "deep")
        #expect(JSONPointer("/").map { value[$0] } == 0)
        #expect(JSONPointer("").map { value[$0] } == value)
        #expect(value[JSONPointer(tokens: ["a/b", "01"])] == nil)
        #expect(value[JSONPointer(tokens: ["a/b", "2"])] == nil)
        #expect(JSONPointer.root.appending("a/b").appending(1).appending("~").description == "/a~1b/1/~0")
        #expect(JSONPointer("a") == nil)
        #expect(JSONPointer("/~2") == nil)
        #expect(JSONPointer("/~") == nil)
    }

    @Test func `the closest match is what was probably meant`() {
        let names = ["scaffold", "validation", "e2e", "integration", "deployment"]
        #expect(closestMatch("scafold", in: names) == "scaffold")
        #expect(closestMatch("VALIDATOIN", in: names) == "validation")
        #expect(closestMatch("e2", in: names) == "e2e")
        #expect(closestMatch("database", in: names) == nil)
        #expect(closestMatch("", in: names) == nil)
        #expect(closestMatch("x", in: []) == nil)
    }
}
