#include "tests/architecture/docs.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/architecture/made_up_tree.h"
#include "tests/architecture/source_tree.h"

namespace fulcrum::architecture {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(Docs, SpeakOfThingsThatExist) {
  for (const std::string& finding : CheckDocs(SourceRoot())) ADD_FAILURE() << finding;
}

MadeUpTree Sound() {
  return MadeUpTree({
      {"README.md", "See [docs](docs/a.md#part), [site](https://example.org/x).\n"},
      {"docs/a.md", "`fulcrum_decisions_total` and [record](adr/0001-x.md)\n"},
      {"docs/adr/README.md", "- [x](0001-x.md)\n"},
      {"docs/adr/0001-x.md", "# x\n"},
      {"docs/metrics.md", "`fulcrum_decisions_total`\n"},
      {"src/telemetry/metrics.cc", "Counter(\"fulcrum_decisions_total\")\n"},
      {"src/base/x.h", "// docs/a.md and docs/adr/0001 say why.\n"},
  });
}

TEST(DocsChecker, AcceptsASoundTree) {
  const MadeUpTree tree = Sound();
  EXPECT_THAT(CheckDocs(tree.root()), IsEmpty());
}

TEST(DocsChecker, FindsADeadLink) {
  const MadeUpTree tree = Sound();
  tree.Write("docs/b.md", "\n[gone](adr/0002-y.md)\n");
  EXPECT_THAT(CheckDocs(tree.root()),
              ElementsAre("docs/b.md:2: the link adr/0002-y.md leads nowhere."));
}

TEST(DocsChecker, FindsAMentionOfWhatIsMissing) {
  const MadeUpTree tree = Sound();
  tree.Write("src/base/y.h", "// docs/gone.md\n// docs/adr/0007\n");
  EXPECT_THAT(CheckDocs(tree.root()), ElementsAre("src/base/y.h:1: docs/gone.md is missing.",
                                                  "src/base/y.h:2: docs/adr/0007 is missing."));
}

TEST(DocsChecker, FindsARecordThatIsNotListed) {
  const MadeUpTree tree = Sound();
  tree.Write("docs/adr/0002-y.md", "# y\n");
  EXPECT_THAT(CheckDocs(tree.root()),
              ElementsAre("docs/adr/0002-y.md:1: not listed in docs/adr/README.md."));
}

TEST(DocsChecker, FindsAMetricThatIsNotDescribed) {
  const MadeUpTree tree = Sound();
  tree.Write("src/apps/service.cc", "\nGauge(\"fulcrum_log_healthy\");\n");
  EXPECT_THAT(
      CheckDocs(tree.root()),
      ElementsAre(
          "src/apps/service.cc:2: the metric fulcrum_log_healthy is not in docs/metrics.md."));
}

TEST(DocsChecker, FindsADescribedMetricThatDoesNotExist) {
  const MadeUpTree tree = Sound();
  tree.Write("docs/metrics.md", "`fulcrum_decisions_total`\n`fulcrum_gone`\n");
  EXPECT_THAT(CheckDocs(tree.root()),
              ElementsAre("docs/metrics.md:2: there is no metric fulcrum_gone."));
}

TEST(DocsChecker, FindsAMetricThatDoesNotExist) {
  const MadeUpTree tree = Sound();
  tree.Write("deploy/alerts.yaml", "expr: rate(fulcrum_lost_total[5m])\n");
  EXPECT_THAT(CheckDocs(tree.root()),
              ElementsAre("deploy/alerts.yaml:1: there is no metric fulcrum_lost_total."));
}

}  // namespace
}  // namespace fulcrum::architecture
