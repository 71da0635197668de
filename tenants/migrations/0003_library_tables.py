"""Rights on tables that libraries own. None holds a tenant's rows; each has its policy, and none is open by default."""

from django.db import migrations

from tenants.migration_support import ALL, READ, SecureLibraryTables


class Migration(migrations.Migration):
    dependencies = [
        ("tenants", "0002_security"),
        ("admin", "0003_logentry_add_action_flag_choices"),
        ("axes", "0010_accessattemptexpiration"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
        (
            "guardian",
            "0003_remove_groupobjectpermission_guardian_gr_content_ae6aec_idx_and_more",
        ),
        ("sessions", "0001_initial"),
    ]

    operations = [
        SecureLibraryTables(
            {
                "django_migrations": READ,
                "django_content_type": READ,
                "django_session": ALL,
                "django_admin_log": ("SELECT", "INSERT"),
                "auth_permission": READ,
                "auth_group": READ,
                "auth_group_permissions": READ,
                "tenants_user_groups": ALL,
                "tenants_user_user_permissions": ALL,
                "axes_accessattempt": ALL,
                "axes_accessattemptexpiration": ALL,
                "axes_accessfailurelog": ("SELECT", "INSERT", "DELETE"),
                "axes_accesslog": ALL,
                "guardian_userobjectpermission": ALL,
                "guardian_groupobjectpermission": ALL,
            }
        )
    ]
