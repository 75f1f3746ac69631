// Goal: the report is one page that asks nothing of any network and that no text of a campaign can break out of.
// Method: the page is taken apart again: its data must be the exported document, its scripts and requests none but its
// own.
#include "controller/report.h"

#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "controller/export.h"
#include "tests/controller/story.h"

namespace athanor {
namespace {

using nlohmann::json;

std::size_t count(const std::string& text, const std::string& part) {
  std::size_t found = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) ++found;
  return found;
}

// What stands between the first `begin` and the next `end`.
std::string between(const std::string& text, const std::string& begin, const std::string& end) {
  const std::size_t from = text.find(begin);
  if (from == std::string::npos) return {};
  return text.substr(from + begin.size(), text.find(end, from + begin.size()) - from - begin.size());
}

const char* const kDataBegin = "<script type=\"application/json\" id=\"campaign\">";

json page_data(const std::string& page) {
  return json::parse(between(page, kDataBegin, "</script>"));
}

std::string report_of(const Story& story) {
  return render_report(export_json(story.campaign, story.records));
}

}  // namespace

TEST_CASE("The page holds the exported document unchanged") {
  const Story story = tell({.two_objectives = true});
  const json exported = export_json(story.campaign, story.records);
  CHECK(page_data(render_report(exported)) == exported);
}

TEST_CASE("No text of a campaign becomes markup or script") {
  const std::string evil = "</script><script>alert(1)</script><!--<b>&\"'{{script}}{{data}}\xe2\x80\xa8";
  Story story = tell({.campaign = evil, .experiments = 12});
  for (auto& record : story.records) {
    if (record.has_proposed()) record.mutable_proposed()->set_reason(evil);
    if (record.has_failed()) record.mutable_failed()->set_why(evil);
  }
  const std::string plain = report_of(tell({.experiments = 12}));
  const std::string page = report_of(story);
  CHECK(page_data(page)["campaign"] == evil);
  for (const char* mark : {"<script", "</script", "<!--", "<b>"}) CHECK(count(page, mark) == count(plain, mark));
  CHECK(count(between(page, kDataBegin, "</script>"), "<") == 0);
  CHECK(between(page, "<title>", "</title>").find('<') == std::string::npos);
}

TEST_CASE("The page has two scripts, its data and the one that its policy names, and nothing to fetch") {
  const std::string page = report_of(tell({}));
  CHECK(count(page, "<script") == 2);
  CHECK(count(page, "</script>") == 2);
  CHECK(count(page, "script-src 'sha256-") == 1);
  CHECK(count(page, "default-src 'none'") == 1);
  for (const char* request :
       {"src=\"http", "href=\"http", "src=\"//", "href=\"//", "url(http", "@import", "src='http"}) {
    CHECK(count(page, request) == 0);
  }
  for (const char* mark : {"{{title}}", "{{style}}", "{{data}}", "{{script}}", "{{script-hash}}"})
    CHECK(count(page, mark) == 0);
}

TEST_CASE("Bytes that are no UTF-8 still give a page") {
  const Story story = tell({.campaign = "caf\xe9", .experiments = 3});
  CHECK(page_data(report_of(story))["campaign"] == "caf\xef\xbf\xbd");
}

TEST_CASE("A campaign without experiments, and one of failures only, have a page") {
  CHECK(page_data(report_of(tell({.experiments = 0})))["experiments"].empty());
  const json failures = page_data(report_of(tell({.experiments = 10, .fail_share = 1})));
  CHECK(failures["counts"]["failed"] == 10);
  CHECK(failures["best"].empty());
}

TEST_CASE("A campaign whose outcome constraint none holds has a page with the nearest") {
  const json none = page_data(report_of(tell({.experiments = 10, .impurity_limit = 0.5})));
  CHECK(none["best"].empty());
  CHECK(none["nearest"]["violates"] == json::array({"impurity <= 0.5 %"}));
}

// Not a test: writes the pages that a person looks at after a change of web/, into the folder that ATHANOR_PAGES names.
TEST_CASE("Write sample pages", "[.pages]") {
  const char* folder = std::getenv("ATHANOR_PAGES");
  REQUIRE(folder != nullptr);
  const auto write = [&](const std::string& name, const StoryPlan& plan) {
    std::ofstream(folder + ("/" + name + ".html")) << report_of(tell(plan));
  };
  write("usual", {});
  write("running", {.seed = 3, .finished = false});
  write("two-objectives", {.experiments = 60, .two_objectives = true});
  write("constrained", {.impurity_limit = 4});
  write("trade-off-constrained", {.experiments = 60, .two_objectives = true, .impurity_limit = 4});
  write("none-holds", {.experiments = 20, .impurity_limit = 0.5});
  write("target", {.experiments = 25, .target = true});
  write("long", {.experiments = 1500, .seed = 5});
  write("none", {.experiments = 0, .finished = false});
  write("failures", {.experiments = 6, .fail_share = 1});
  write("evil", {.campaign = "</script><script>alert(1)</script><img src=x onerror=alert(2)>", .experiments = 12});
}

}  // namespace athanor
