"""Who gets in at /my/, one line a page. The letters and columns are those of tests.permissions.expected."""

from __future__ import annotations

PAGES = """
page                                    sees     sends    permission by itself
my:index                                oarlms   -        -
my:keys                                 oarlms   -        -
my:key-add                              lm       =        -
my:key own                              lm       -        -
my:key colleague                        l        -        -
my:key service                          l        -        -
my:key another                          -        -        -
my:key-secret own                       lm       -        -
my:key-secret colleague                 l        -        -
my:key-secret service                   l        -        -
my:key-secret another                   -        -        -
my:key-newest own                       lm       -        -
my:key-newest colleague                 l        -        -
my:key-newest service                   l        -        -
my:key-newest another                   -        -        -
my:key-copied own                       -        lm       -
my:key-copied colleague                 -        l        -
my:key-copied service                   -        l        -
my:key-copied another                   -        -        -
my:key-action rotate own                lm       =        -
my:key-action rotate colleague          l        =        -
my:key-action rotate service            l        =        -
my:key-action rotate another            -        -        -
my:key-action disable own               lm       =        -
my:key-action disable colleague         l        =        -
my:key-action disable service           l        =        -
my:key-action disable another           -        -        -
my:key-action enable own                lm       =        -
my:key-action enable colleague          l        =        -
my:key-action enable service            l        =        -
my:key-action enable another            -        -        -
my:key-action revoke own                lm       =        -
my:key-action revoke colleague          l        =        -
my:key-action revoke service            l        =        -
my:key-action revoke another            -        -        -
my:key-action delete own                lm       =        -
my:key-action delete colleague          l        =        -
my:key-action delete service            l        =        -
my:key-action delete another            -        -        -
my:usage                                oarlms   -        -
my:requests                             oarlms   -        -
my:live                                 oarlms   -        -
my:live-cut own                         l        =        -
my:live-cut colleague                   l        =        -
my:live-cut service                     l        =        -
my:live-cut another                     -        -        -
my:request own                          lm       -        -
my:request colleague                    l        -        -
my:request service                      l        -        -
my:request another                      -        -        -
my:routes                               oarlms   -        -
my:playground                           oarlms   -        -
my:playground-token                     -        lm       -
my:playground-row                       oarlms   -        -
my:budgets                              oarlms   -        -
my:budget-ask own                       lm       =        -
my:budget-ask colleague                 l        =        -
my:budget-ask service                   l        =        -
my:budget-ask another                   -        -        -
my:increase-withdraw own                -        lm       -
my:increase-withdraw colleague          -        -        -
my:increase-withdraw service            -        -        -
my:increase-withdraw another            -        -        -
my:increase-approve own                 -        -        -
my:increase-approve colleague           -        l        -
my:increase-approve service             -        l        -
my:increase-approve another             -        -        -
my:increase-decline own                 -        -        -
my:increase-decline colleague           -        l        -
my:increase-decline service             -        l        -
my:increase-decline another             -        -        -
my:team-budgets Search                  l        -        -
my:team-budgets another                 -        -        -
my:team-allowances Search               l        -        -
my:team-allowances another              -        -        -
my:team-budget-add Search               l        =        -
my:team-budget-add another              -        -        -
my:team-budget-change Search            l        =        -
my:team-budget-change another           -        -        -
my:team-budget-change of another in Search -        -        -
my:team-budget-change of Search itself  -        -        -
my:team-budget-remove Search            l        =        -
my:team-budget-remove another           -        -        -
my:team-budget-remove of another in Search -        -        -
my:team-budget-remove of Search itself  -        -        -
my:team-limit-add Search                l        =        -
my:team-limit-add another               -        -        -
my:team-limit-change Search             l        =        -
my:team-limit-change another            -        -        -
my:team-limit-change of another in Search -        -        -
my:team-limit-change of Search itself   -        -        -
my:team-limit-remove Search             l        =        -
my:team-limit-remove another            -        -        -
my:team-limit-remove of another in Search -        -        -
my:team-limit-remove of Search itself   -        -        -
my:team Search                          l        -        -
my:team another                         -        -        -
my:team-statements Search               l        -        -
my:team-statements another              -        -        -
my:team-statement Search                l        -        -
my:team-statement another               -        -        -
my:team-statement of another in Search  -        -        -
my:team-statement-pdf Search            l        -        -
my:team-statement-pdf another           -        -        -
my:team-statement-pdf of another in Search -    -        -
my:team-usage Search                    l        -        -
my:team-usage another                   -        -        -
my:team-requests Search                 l        -        -
my:team-requests another                -        -        -
my:team-key-add Search                  l        =        -
my:team-key-add another                 -        -        -
my:member-remove Search                 l        =        -
my:member-remove another                -        -        -
my:member-remove of another in Search   -        -        -
my:invite Search                        l        =        -
my:invite another                       -        -        -
my:invitation Search                    l        -        -
my:invitation another                   -        -        -
my:invitation of another in Search      -        -        -
my:invitation-copied Search             -        l        -
my:invitation-copied another            -        -        -
my:invitation-copied of another in Search -        -        -
my:invitation-revoke Search             -        l        -
my:invitation-revoke another            -        -        -
my:invitation-revoke of another in Search -        -        -
my:password_change                      oarlms   =        -
my:password_change_done                 oarlms   -        -
my:search                               -        -        -
"""
