#include "lib/wire/csv.h"

#include "tests/catch.h"

using namespace mayfly;

namespace {

const std::vector<std::string> kColumns = {"name", "owner", "about"};

Result<std::vector<wire::CsvRow>> parse(std::string_view text) { return wire::parse_csv(text, kColumns); }

std::string why_not(std::string_view text) {
    const auto rows = parse(text);
    return rows ? "" : rows.error().message;
}

}  // namespace

TEST_CASE("cells are read by the names of their columns, with the line on which the row begins") {
    const auto rows = parse("owner,name\nbob,shop\r\n\ncarol,\"a \"\"b\"\", c\nd\"\ndave,x");
    REQUIRE(rows);
    REQUIRE(rows->size() == 3);
    CHECK((*rows)[0].cells.at("name") == "shop");
    CHECK((*rows)[0].line == 2);
    CHECK((*rows)[1].cells.at("name") == "a \"b\", c\nd");
    CHECK((*rows)[1].line == 4);
    CHECK((*rows)[2].line == 6);
}

TEST_CASE("what is no table is refused with its line") {
    CHECK(why_not("").find("line 1") == 0);
    CHECK(why_not("name,nmae\n").find("did you mean \"name\"") != std::string::npos);
    CHECK(why_not("name,name\n").find("twice") != std::string::npos);
    CHECK(why_not("name,owner\na,b\nc\n").find("line 3: 1 cells") == 0);
    CHECK(why_not("name\na\nb\"c\n").find("line 3: a quote inside") == 0);
    CHECK(why_not("name\n\"a\"b\n").find("line 2: text after") == 0);
    CHECK(why_not("name\nx\n\"a\nb").find("line 3: a quote that is never closed") == 0);
    CHECK(why_not(std::string_view("name\na\0b\n", 9)).find("control character") != std::string::npos);
    CHECK(why_not("name\n" + std::string(70000, 'a') + "\n").find("64 KiB") != std::string::npos);
}

TEST_CASE("what is written is read back as it was") {
    const std::vector<std::string> cells = {"=1+1", "a,\"b\"\r\nc", ""};
    const auto rows = parse("name,owner,about\n" + wire::encode_csv(cells));
    REQUIRE(rows);
    CHECK((*rows)[0].cells.at("name") == cells[0]);
    CHECK((*rows)[0].cells.at("owner") == cells[1]);
    CHECK((*rows)[0].cells.at("about").empty());
}
